"""How many rows have a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["Filled"]


@MATCH_SCORERS.register("filled.v1")
@dataclass(frozen=True)
class Filled(MatchScorer):
    """1 minus the difference of the shares of rows with a value."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN where values of either column are unknown."""
        left, right = pairs.of(lambda profile: profile.filled)
        return np.where(pairs.known, 1.0 - np.abs(left - right), np.nan)
