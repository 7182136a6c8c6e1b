"""The shared checks of arguments: what passes, what is refused, and the message."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from ctxprune.errors import UsageError
from ctxprune.utils.validation import (
    Checked,
    check_choice,
    check_flag,
    check_number,
    check_range,
    check_whole,
    checked_field,
    is_number,
    is_whole,
)


@pytest.mark.parametrize("value", [0, 3, -2, np.int64(5), np.uint8(1)])
def test_integers_of_any_kind_are_whole(value) -> None:
    assert is_whole(value)


@pytest.mark.parametrize("value", [True, np.bool_(True), 1.0, "1", None, np.float32(2)])
def test_other_values_are_not_whole(value) -> None:
    assert not is_whole(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1", None])
def test_non_finite_values_are_not_numbers(value) -> None:
    assert not is_number(value)


def test_valid_arguments_pass() -> None:
    check_whole("k", 1)
    check_whole("k", np.int32(0), minimum=0)
    check_whole("k", None, optional=True)
    check_number("x", 0, minimum=0)
    check_number("x", -1.5)
    check_number("x", None, over=0, optional=True)
    check_range("share", 1)
    check_range("share", None, optional=True)
    check_choice("norm", 2, (1, 2))
    check_flag("note", False)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: check_whole("k", 0), "k is 0: give a whole number from 1 up$"),
        (lambda: check_whole("k", True), "k is True: give a whole number from 1 up$"),
        (lambda: check_whole("k", None), "k is None: give a whole number"),
        (lambda: check_whole("k", 1.5, minimum=0, optional=True), "k is 1.5: give a whole number from 0 up, or None$"),
        (lambda: check_number("x", float("nan")), "x is nan: give a finite number$"),
        (lambda: check_number("x", -1, minimum=0), "x is -1: give a number from 0 up$"),
        (lambda: check_number("x", 0, over=0), "x is 0: give a number over 0$"),
        (lambda: check_range("share", 1.1), "share is 1.1: give a number from 0 to 1$"),
        (lambda: check_range("share", "a", optional=True), "share is 'a': give a number from 0 to 1, or None$"),
        (lambda: check_range("share", 0, open_low=True), "share is 0: give a number over 0 and up to 1$"),
        (lambda: check_range("share", 1, open_high=True), "share is 1: give a number from 0 and under 1$"),
        (lambda: check_choice("by", "age", ("depth", "angle")), "by is 'age': give one of 'depth', 'angle'$"),
        (lambda: check_choice("by", [], {"depth": 1}), r"by is \[\]: give one of 'depth'$"),
        (lambda: check_flag("note", 1), "note is 1: give True or False$"),
    ],
)
def test_invalid_arguments_are_refused_with_the_allowed_values(check, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check()


@dataclass(frozen=True)
class _Wide(Checked):
    rows: int = checked_field(4, check_whole)
    share: float = checked_field(0.5, check_range, 0, 2, open_high=True)


@dataclass(frozen=True)
class _Named(_Wide):
    name: str = "any"
    rows: int = checked_field(8, check_whole, minimum=2)


def test_fields_are_checked_where_a_dataclass_is_built() -> None:
    assert _Wide() == _Wide(4, 0.5)
    assert _Named() == _Named(8, 0.5, "any")
    with pytest.raises(UsageError, match="rows is 0: give a whole number from 1 up"):
        _Wide(0)
    with pytest.raises(UsageError, match="share is 2: give a number from 0 and under 2"):
        _Named(share=2)
    with pytest.raises(UsageError, match="rows is 1: give a whole number from 2 up"):
        replace(_Named(), rows=1)
