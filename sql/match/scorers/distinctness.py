"""How often values repeat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["Distinctness"]


@MATCH_SCORERS.register("distinctness.v1")
@dataclass(frozen=True)
class Distinctness(MatchScorer):
    """1 minus the difference of the numbers of distinct values a row."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN where values of either column are unknown."""
        left, right = pairs.of(lambda profile: profile.distinct / max(profile.rows, 1))
        return np.where(pairs.known, 1.0 - np.abs(left - right), np.nan)
