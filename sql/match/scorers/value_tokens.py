"""Shared words of text values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["ValueTokens"]


@MATCH_SCORERS.register("value_tokens.v1")
@dataclass(frozen=True)
class ValueTokens(MatchScorer):
    """Words that occur in values of both columns, as a share of those of the column with fewer."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN where either has no text."""
        left, right = pairs.of(lambda profile: len(profile.tokens))
        known = (left > 0) & (right > 0)
        return np.where(known, pairs.shared_tokens[:, :2].max(axis=1, initial=0.0), np.nan)
