"""Whether a trial's quality before recovery says anything about its quality after it.

Feng and others, Is Oracle Pruning the True Oracle?, 2024: in modern models it hardly does, so that a choice by the
pruned model's own quality may be no choice at all. A search has both figures of each trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from statistics import StatisticsError, correlation
from typing import Any

from ctxprune.shrink.run.records import TrialRecord

_LEAST = 3


def recovery_correlation(records: Sequence[TrialRecord]) -> dict[str, Any] | None:
    """Kendall's tau-b and Pearson's r of quality before and after recovery, with the trials that they are of.

    The trials of one rung, which had as many steps and as much data: of the rung that has most of them. None where
    fewer than three trials of a rung have both figures; a coefficient is None where one side does not vary.
    """
    rungs: dict[int, list[tuple[str, float, float]]] = {}
    for record in records:
        if record.figures is not None and record.figures.unrecovered is not None:
            entry = (record.recipe, record.figures.unrecovered, record.figures.quality)
            rungs.setdefault(record.rung, []).append(entry)
    rung = max(rungs, key=lambda number: len(rungs[number]), default=0)
    trials = rungs.get(rung, [])
    if len(trials) < _LEAST:
        return None
    before, after = [entry[1] for entry in trials], [entry[2] for entry in trials]
    try:
        pearson = correlation(before, after)
    except StatisticsError:
        pearson = None
    return {"rung": rung, "kendall": kendall(before, after), "pearson": pearson, "trials": [list(e) for e in trials]}


def kendall(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Tau-b, -1..1: pairs in the same order less those in the opposite one, ties of either side taken out of the scale.

    None where all values of one side are equal.
    """
    agreed, free_one, free_other = 0, 0, 0
    for left, right in combinations(range(len(one)), 2):
        first = (one[left] > one[right]) - (one[left] < one[right])
        second = (other[left] > other[right]) - (other[left] < other[right])
        agreed += first * second
        free_one, free_other = free_one + abs(first), free_other + abs(second)
    return agreed / (free_one * free_other) ** 0.5 if free_one and free_other else None
