"""Ranges of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer
from .numbers_of import number_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["NumberRange"]


@MATCH_SCORERS.register("number_range.v1")
@dataclass(frozen=True)
class NumberRange(MatchScorer):
    """The part of the range of the middle 90 % of the numbers that both columns share, over what either covers."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN unless both are numbers."""
        known, left, right = number_pairs(pairs)
        # The outermost quantiles are left out: one odd value would decide the range.
        low, high = np.maximum(left[:, 1], right[:, 1]), np.minimum(left[:, -2], right[:, -2])
        span = np.maximum(left[:, -2], right[:, -2]) - np.minimum(left[:, 1], right[:, 1])
        shared = np.where(span > 0, np.maximum(high - low, 0.0) / np.maximum(span, 1e-12), 1.0)
        return np.where(known, shared, np.nan)
