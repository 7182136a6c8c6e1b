"""Measures keep the order of the scores; each one's own arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.calibration.measures import MEASURES

NAMES = MEASURES.names()


def test_names() -> None:
    assert NAMES == ["relative.v1", "score.v1", "size.v1", "tail.v1"]


@pytest.mark.parametrize("name", NAMES)
@given(values=st.lists(st.floats(-5, 5, width=32), max_size=12))
def test_no_unit_comes_above_one_that_scores_higher(name: str, values: list[float]) -> None:
    scores = np.array(values, dtype=np.float64)
    levels = MEASURES.get(name)(scores)
    assert levels.shape == scores.shape
    assert np.isfinite(levels).all()
    order = np.argsort(scores, kind="stable")
    assert (np.diff(levels[order]) >= 0).all()
    for value in set(values):
        assert len(set(levels[scores == value])) == 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("score", [0.5, 0.25, 0.25, 0.0]),
        ("size", [2.0, 1.0, 1.0, 0.0]),
        ("relative", [1.0, 0.5, 0.5, 0.0]),
        ("tail", [1.0, 0.5, 0.5, 0.0]),
    ],
)
def test_values(name: str, expected: list[float]) -> None:
    assert MEASURES.get(name)(np.array([0.5, 0.25, 0.25, 0.0])).tolist() == expected


def test_scores_that_are_all_alike_are_all_best() -> None:
    assert MEASURES.get("relative")(np.array([-1.0, -1.0])).tolist() == [1.0, 1.0]


def test_a_tail_of_negative_scores_is_counted_from_the_worst() -> None:
    assert MEASURES.get("tail")(np.array([-2.0, -1.0, 1.0])).tolist() == [0.0, 1.0, 4.0]
