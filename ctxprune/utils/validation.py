"""Checks of arguments that several packages share."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from ctxprune.errors import UsageError

__all__ = ["check_number", "check_whole", "describe_type", "is_number"]


def is_number(value: Any) -> bool:
    """True for a finite real number of any kind, numpy's included; False for bool, text, None, NaN and infinities."""
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def check_whole(name: str, value: object, minimum: int) -> None:
    """Check that a parameter is an int of at least `minimum`; bool is refused.

    Raises:
        UsageError: It is not; the message names the parameter, its value and the range.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise UsageError(f"{name} is {value!r}", hint=f"a whole number, {minimum} or more")


def check_number(name: str, value: object, minimum: int) -> None:
    """Check that a parameter is a finite number of at least `minimum`.

    Raises:
        UsageError: It is not; the message names the parameter, its value and the range.
    """
    if not is_number(value) or value < minimum:  # type: ignore[operator]
        raise UsageError(f"{name} is {value!r}", hint=f"a number, {minimum} or more")


def describe_type(value: object) -> str:
    """The type of a value, for an error message: "a str", or "the class SnapKV" where a class itself was passed."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"
