"""Meaning of two names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer
from .names_of import mean_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["NameMeaning"]


@MATCH_SCORERS.register("name_meaning.v1")
@dataclass(frozen=True)
class NameMeaning(MatchScorer):
    """Cosine of the mean word vectors of both names; 0 where no word is known."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1."""
        left, right = (mean_vectors([p.words for p in side]) for side in (pairs.source, pairs.target))
        return np.asarray(np.maximum(np.einsum("ij,ij->i", left[pairs.rows], right[pairs.columns]), 0.0))
