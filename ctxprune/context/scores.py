"""Scores of the units of a context: one finite float32 a unit, higher = keep."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ctxprune.errors import UsageError

__all__ = ["Scores", "as_scores"]

Scores: TypeAlias = NDArray[np.float32]
"""float32 (n_units,)."""


def as_scores(values: Any, size: int, *, source: str = "scorer") -> Scores:
    """`values` as scores: float32 of shape (size,), contiguous.

    Raises:
        UsageError: Another shape, values that are not numbers, or NaN or infinite ones; `source` names their origin.
    """
    try:
        scores = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise UsageError("scores are not an array of numbers", where=source) from error
    if np.ndim(values) != 1 or scores.shape != (size,):
        raise UsageError(f"scores have shape {np.shape(values)}, not ({size},)", where=source, hint="one score a unit")
    # NaN compares false with everything, so that a policy would drop or keep such a unit by accident.
    bad = np.flatnonzero(~np.isfinite(scores))
    if bad.size:
        raise UsageError(f"the score of unit {bad[0]} is {scores[bad[0]]}", where=source, hint="scores must be finite")
    return scores
