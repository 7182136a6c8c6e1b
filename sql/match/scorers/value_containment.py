"""Shared values as a share of the smaller column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["ValueContainment"]


@MATCH_SCORERS.register("value_containment.v1")
@dataclass(frozen=True)
class ValueContainment(MatchScorer):
    """The larger of the shares of either column's distinct values that the other has too."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN where values of either column are unknown."""
        return np.where(pairs.known, pairs.shared_values[:, :2].max(axis=1, initial=0.0), np.nan)
