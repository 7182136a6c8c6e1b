"""The figures of a run."""

from __future__ import annotations

import pytest

from ctxprune.sql.evaluation.run import Report, Verdict


def _report(*times: float, errors: int = 0) -> dict:
    rows = [
        Verdict(index, "shop", "SELECT 1", True, True, ms, 1, model_error="down" if index < errors else "")
        for index, ms in enumerate(times)
    ]
    return Report(tuple(rows), 0).to_dict()


@pytest.mark.parametrize(
    ("times", "expected"), [([7], 7), ([1, 9], 9), ([1, 2, 9], 9), (range(1, 21), 19), (range(1, 101), 95)]
)
def test_p95_is_the_nearest_rank(times, expected: float) -> None:
    report = _report(*times)
    assert report["ms_p95"] == expected
    assert report["ms_p95"] >= report["ms_per_question"]


def test_items_with_a_failed_model_call_are_counted() -> None:
    assert _report(1, 2, 3, errors=2)["model_failures"] == 2
    assert _report()["ms_p95"] is None


def test_tokens_are_means_and_costs_are_sums() -> None:
    rows = [
        Verdict(index, "shop", "SELECT 1", True, True, 1.0, tokens_in=100, tokens_out=10 * index, cost=cost)
        for index, cost in enumerate((0.25, None, 0.5))
    ]
    report = Report(tuple(rows), 0).to_dict()
    assert (report["tokens_in"], report["tokens_out"], report["cost"]) == (100, 10, 0.75)
    assert _report(1)["cost"] is None  # no model of the run has prices
