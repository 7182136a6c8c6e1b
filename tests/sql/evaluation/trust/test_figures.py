"""The figures of a run, from judgements."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctxprune.errors import InputError
from ctxprune.sql.evaluation.trust.chart import risk_coverage_chart
from ctxprune.sql.evaluation.trust.figures import curve_figures, figures, group_figures, time_figures
from ctxprune.sql.evaluation.trust.judgement import Judgement
from ctxprune.sql.trust.outcome import ANSWERED, TENTATIVE, UNANSWERED


def _judgement(outcome: str, confidence: float, **other: object) -> Judgement:
    return replace(Judgement(0, "shop", "group_by", True, outcome, confidence, "SELECT 1"), **other)


ROWS = (
    _judgement(ANSWERED, 0.95, right=True, lenient=True, oracle=True),
    _judgement(ANSWERED, 0.95, lenient=True, oracle=True, category="ratio"),
    _judgement(TENTATIVE, 0.45, right=True, lenient=True, oracle=True),
    _judgement(UNANSWERED, 0.0, sql="", oracle=True, withheld=True),
    _judgement(ANSWERED, 0.85, answerable=False, scored=False, category="unanswerable"),
    _judgement(TENTATIVE, 0.35, answerable=False, scored=False, category="unanswerable"),
    _judgement(UNANSWERED, 0.0, sql="", answerable=False, scored=False, category="unanswerable"),
)


def test_figures_by_hand():
    found = figures(ROWS)
    assert (found["questions"], found["unanswerable"]) == (4, 3)
    assert (found["ex"], found["ex_lenient"], found["oracle"]) == (50.0, 75.0, 100.0)
    assert (found["answered"], found["tentative"], found["false_refusals"], found["lost"]) == (50.0, 25.0, 25.0, 25.0)
    assert (found["answered_right"], found["answered_right_lenient"]) == (50.0, 100.0)
    assert found["answered_right_all"] == pytest.approx(33.33)
    assert found["tentative_right"] == 100.0
    assert (found["refused"], found["refused_tentative"]) == (66.67, 33.33)
    assert found["ece"] == pytest.approx((2 * 0.45 + 0.55) / 3, abs=1e-4)
    assert found["ece_all"] == pytest.approx((2 * 0.45 + 0.55 + 0.85 + 0.35) / 5, abs=1e-4)


def test_nothing_to_take_a_share_of_is_none():
    found = figures(ROWS[4:])
    assert all(found[name] is None for name in ("ex", "oracle", "answered", "answered_right", "ece"))
    assert time_figures(()) == {"ms_per_question": None, "ms_p95": None, "model_failures": 0}
    assert curve_figures(())["curve"] == []


def test_unanswerable_questions_count_as_wrong_in_the_curve():
    found = curve_figures(ROWS)
    assert [point["confidence"] for point in found["curve"]] == [0.95, 0.85, 0.45, 0.35]
    assert found["curve"][-1]["coverage"] == pytest.approx(71.43)  # two of seven have no answer
    assert found["curve"][-1]["right"] == 40.0
    assert found["coverage_90"] == 0.0
    assert sum(one["items"] for one in found["bins"]) == 5


def test_groups():
    found = group_figures(ROWS, lambda one: one.category)
    assert list(found) == ["group_by", "ratio", "unanswerable"]
    assert found["ratio"]["ex"] == 0.0


def test_a_judgement_is_read_back_and_nothing_else_is():
    assert Judgement.load(ROWS[1].record()) == ROWS[1]
    for broken in (None, {}, {"index": 0, "right": True, "sql": ""}, {**ROWS[0].record(), "outcome": "sure"}):
        with pytest.raises(InputError, match="not the judgement"):
            Judgement.load(broken)


def test_a_chart_escapes_names_and_draws_each_curve():
    points = curve_figures(ROWS)["curve"]
    drawn = risk_coverage_chart({"<set>": points, "none": []}, title="a & b")
    assert "&lt;set&gt;" in drawn
    assert "a &amp; b" in drawn
    assert "<set>" not in drawn
    assert drawn.count("<path") == 3  # one curve, two marks of the legend
