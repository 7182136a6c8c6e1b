"""Calibration error and the risk-coverage curve against their definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.sql.evaluation.reliability import calibration_error, coverage_at, reliability_bins, risk_coverage

pairs = st.lists(
    st.tuples(st.sampled_from([place / 20 for place in range(21)]), st.booleans()), min_size=1, max_size=40
)


def test_calibration_error_by_hand():
    # 0.95 twice, one right: gap 0.45 of two; 0.25 once, wrong: gap 0.25 of one
    assert calibration_error([0.95, 0.95, 0.25], [True, False, False]) == pytest.approx((2 * 0.45 + 0.25) / 3)
    assert calibration_error([1.0, 0.0], [True, False]) == 0
    assert calibration_error([], []) is None


def test_curve_by_hand():
    points = risk_coverage([0.9, 0.5, 0.9, 0.1], [True, False, True, True], questions=5)
    assert points == [
        {"confidence": 0.9, "coverage": 40.0, "right": 100.0},
        {"confidence": 0.5, "coverage": 60.0, "right": 66.67},
        {"confidence": 0.1, "coverage": 80.0, "right": 75.0},
    ]
    assert (coverage_at(points, 90), coverage_at(points, 70), coverage_at(points, 100.1)) == (40.0, 80.0, 0.0)
    assert risk_coverage([], [], questions=3) == []


@given(pairs)
def test_the_curve_is_what_each_bar_gives(found: list[tuple[float, bool]]):
    confidences, flags = [sure for sure, _ in found], [flag for _, flag in found]
    points = risk_coverage(confidences, flags, questions=len(found))
    assert len(points) == len(set(confidences))
    for bar, point in zip(sorted(set(confidences), reverse=True), points, strict=True):
        given_out = [flag for sure, flag in found if sure >= bar]
        assert point["coverage"] == pytest.approx(100 * len(given_out) / len(found), abs=0.01)
        assert point["right"] == pytest.approx(100 * sum(given_out) / len(given_out), abs=0.01)


@given(pairs)
def test_bins_hold_every_answer_once(found: list[tuple[float, bool]]):
    bins = reliability_bins([sure for sure, _ in found], [flag for _, flag in found])
    assert sum(one["items"] for one in bins) == len(found)
    weighted = sum(one["items"] * abs(one["confidence"] - one["right"]) for one in bins) / len(found)
    error = calibration_error([sure for sure, _ in found], [flag for _, flag in found])
    assert error == pytest.approx(weighted, abs=1e-3)
    assert all(one["low"] <= one["confidence"] <= one["high"] for one in bins)
