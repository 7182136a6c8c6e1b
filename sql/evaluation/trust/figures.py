"""Figures of a run: execution accuracy, outcomes, refusals, calibration, and the risk-coverage curve."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING, Any

from ctxprune.utils.percent import percent_or_none

from ...trust.outcome import ANSWERED, TENTATIVE, UNANSWERED
from ..reliability import calibration_error, coverage_at, reliability_bins, risk_coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .judgement import Judgement

__all__ = ["curve_figures", "figures", "group_figures", "time_figures"]


def figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """What was answered, and what of it is right; percentages, but for `ece` (0..1) and counts.

    `questions` and `unanswerable` are counts, the first of questions that have an answer. Of these: `ex` and
    `ex_lenient`, the shown query is right, `answered` or `tentative`; `oracle`, some candidate is right; `answered`,
    `tentative` and `false_refusals`, the outcomes. `answered_right`: share right among those with the outcome
    `answered`; `answered_right_all` counts unanswerable questions that were answered as wrong answers.
    `refused`: share of the unanswerable ones that are not `answered`; `refused_tentative`: those of them that are
    tentative. `lost`: unanswered although the preferred candidate is right. `ece`: calibration error of the questions
    that have an answer and got a query; `ece_all` counts queries for unanswerable questions as wrong.
    None stands where there is nothing to take a share of.
    """
    asked = [one for one in judgements if one.answerable]
    scored = [one for one in asked if one.scored]
    without = [one for one in judgements if not one.answerable]
    sure = [one for one in scored if one.outcome == ANSWERED]
    return {
        "questions": len(asked),
        "unanswerable": len(without),
        "ex": percent_or_none(one.right for one in scored),
        "ex_lenient": percent_or_none(one.lenient for one in scored),
        "oracle": percent_or_none(one.oracle for one in scored),
        "answered": percent_or_none(one.outcome == ANSWERED for one in asked),
        "answered_right": percent_or_none(one.right for one in sure),
        "answered_right_lenient": percent_or_none(one.lenient for one in sure),
        "answered_right_all": percent_or_none(
            one.right for one in (*sure, *(one for one in without if one.outcome == ANSWERED))
        ),
        "tentative": percent_or_none(one.outcome == TENTATIVE for one in asked),
        "tentative_right": percent_or_none(one.right for one in scored if one.outcome == TENTATIVE),
        "false_refusals": percent_or_none(one.outcome == UNANSWERED for one in asked),
        "lost": percent_or_none(one.withheld for one in scored),
        "refused": percent_or_none(one.outcome != ANSWERED for one in without),
        "refused_tentative": percent_or_none(one.outcome == TENTATIVE for one in without),
        "ece": _ece(scored),
        "ece_all": _ece([*scored, *without]),
        "failed_references": sum(one.error.startswith("reference:") for one in judgements),
    }


def time_figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """`ms_per_question` (median), `ms_p95` (nearest rank), and how many questions had a failed model call."""
    times = sorted(one.ms for one in judgements)
    return {
        "ms_per_question": round(median(times), 2) if times else None,
        "ms_p95": round(times[math.ceil(0.95 * len(times)) - 1], 2) if times else None,
        "model_failures": sum(bool(one.model_error) for one in judgements),
    }


def group_figures(judgements: Sequence[Judgement], key: Callable[[Judgement], str]) -> dict[str, dict[str, Any]]:
    """The figures of each group, by its name in order."""
    groups: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        groups.setdefault(key(judgement), []).append(judgement)
    return {name: figures(groups[name]) for name in sorted(groups)}


def curve_figures(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """The risk-coverage curve with the bins of the calibration error; unanswerable questions count as wrong.

    `curve`: one point a distinct confidence, the highest first. `coverage_90` and `coverage_95`: the largest share of
    questions that can be answered with so many percent right. `bins`: reliability by tenths of confidence.
    """
    judged = [one for one in judgements if one.scored or not one.answerable]
    given = [one for one in judged if one.outcome != UNANSWERED]
    confidences, flags = [one.confidence for one in given], [one.right for one in given]
    points = risk_coverage(confidences, flags, questions=max(len(judged), 1))
    return {
        "curve": points,
        "coverage_90": coverage_at(points, 90),
        "coverage_95": coverage_at(points, 95),
        "bins": reliability_bins(confidences, flags),
    }


def _ece(judgements: Sequence[Judgement]) -> float | None:
    given = [one for one in judgements if one.outcome != UNANSWERED]
    error = calibration_error([one.confidence for one in given], [one.right for one in given])
    return None if error is None else round(error, 4)
