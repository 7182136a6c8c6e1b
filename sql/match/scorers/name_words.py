"""Words of two names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer
from .names_of import align_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["NameWords"]


@MATCH_SCORERS.register("name_words.v1")
@dataclass(frozen=True)
class NameWords(MatchScorer):
    """Mean of the shares of either name's words that the other has: same stem, misspelt, short form or synonym."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1."""
        forward, back = align_names([p.words for p in pairs.source], [p.words for p in pairs.target], pairs)
        return np.asarray((forward + back) / 2)
