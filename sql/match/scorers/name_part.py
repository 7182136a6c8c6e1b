"""A name whose words are all in the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer
from .names_of import align_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["NamePart"]


@MATCH_SCORERS.register("name_part.v1")
@dataclass(frozen=True)
class NamePart(MatchScorer):
    """The larger of the shares of either name's words that the other has: "student_name" holds "name"."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1."""
        forward, back = align_names([p.words for p in pairs.source], [p.words for p in pairs.target], pairs)
        return np.maximum(forward, back)
