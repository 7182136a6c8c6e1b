"""Measures: scores made comparable between contexts, so that one limit can serve a small context and a large one.

A measure takes the scores of one context's units, (n_units,), and gives float64 (n_units,). It never puts a unit above
one that scores higher, so all units that reach a limit are always the best ones.

Which is best is measured by the share that is kept at equal risk (benchmarks/quality/calibration.py). For the
probabilities of a linker it is `size.v1`: dropping a unit of a context with n units saves 1/n of it and costs the
unit's probability in risk, and the most is saved where the ratio of the two is the same everywhere. For sentences with
the scores of a rank fusion it is `score.v1`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ctxprune.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Levels: TypeAlias = NDArray[np.float64]
    Measure: TypeAlias = Callable[[Levels], Levels]

__all__ = ["MEASURES", "relative", "score", "size", "tail"]

MEASURES: Registry[Measure] = Registry("measure")


@MEASURES.register("score.v1")
def score(scores: Levels) -> Levels:
    """The score itself: right where a score means the same in every context."""
    return scores


@MEASURES.register("size.v1")
def size(scores: Levels) -> Levels:
    """The score times the number of units."""
    return scores * len(scores)


@MEASURES.register("relative.v1")
def relative(scores: Levels) -> Levels:
    """Place between the worst score (0) and the best (1): for scores without a scale; 1 where all are alike."""
    if not scores.size or scores.min() == scores.max():
        return np.ones_like(scores)
    low, high = scores.min(), scores.max()
    return np.asarray((scores - low) / (high - low))


@MEASURES.register("tail.v1")
def tail(scores: Levels) -> Levels:
    """Sum of the scores of all units that score no better: for probabilities about the number of needed units that are
    lost with this unit and all below it, as in adaptive prediction sets. Scores are counted from the worst one if that
    is under 0."""
    if not scores.size:
        return scores
    # A sum of negative scores would fall with each further unit, and order them upside down.
    positive = scores - min(float(scores.min()), 0.0)
    ranked = np.sort(positive)
    sums: Levels = np.cumsum(ranked)
    return sums[np.searchsorted(ranked, positive, side="right") - 1]
