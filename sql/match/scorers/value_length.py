"""Lengths of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["ValueLength"]


@MATCH_SCORERS.register("value_length.v1")
@dataclass(frozen=True)
class ValueLength(MatchScorer):
    """The smaller mean length of values over the larger."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN where values of either column are unknown."""
        left, right = pairs.of(lambda profile: profile.length)
        shares = np.minimum(left, right) / np.maximum(np.maximum(left, right), 1e-9)
        return np.where(pairs.known, shares, np.nan)
