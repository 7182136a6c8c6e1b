"""Shared values as a share of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["ValueJaccard"]


@MATCH_SCORERS.register("value_jaccard.v1")
@dataclass(frozen=True)
class ValueJaccard(MatchScorer):
    """Jaccard similarity of the sets of distinct values."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN where values of either column are unknown."""
        return np.where(pairs.known, pairs.shared_values[:, 2], np.nan)
