"""Distributions of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer
from .numbers_of import number_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["NumberQuantiles"]


@MATCH_SCORERS.register("number_quantiles.v1")
@dataclass(frozen=True)
class NumberQuantiles(MatchScorer):
    """1 minus the mean distance of 33 quantiles, in units of the range that both cover."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN unless both are numbers."""
        known, left, right = number_pairs(pairs)
        span = np.maximum(np.maximum(left[:, -1], right[:, -1]) - np.minimum(left[:, 0], right[:, 0]), 1e-12)
        near = 1.0 - np.minimum(np.abs(left - right).mean(axis=1) / span, 1.0)
        return np.where(known, near, np.nan)
