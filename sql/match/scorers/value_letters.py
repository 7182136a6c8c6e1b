"""Letters that follow one another in values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["ValueLetters"]


@MATCH_SCORERS.register("value_letters.v1")
@dataclass(frozen=True)
class ValueLetters(MatchScorer):
    """Cosine of the counts of letter pairs in the values, which typing mistakes change little."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN where values of either column are unknown."""
        left, right = pairs.of(lambda profile: profile.pairs)
        return np.where(pairs.known, np.einsum("ij,ij->i", left, right), np.nan)
