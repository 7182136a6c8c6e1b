"""Words of the names of two tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer
from .names_of import align_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["TableName"]


@MATCH_SCORERS.register("table_name.v1")
@dataclass(frozen=True)
class TableName(MatchScorer):
    """Mean of the shares of either table name's words that the other has."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1."""
        left, right = [p.table_words for p in pairs.source], [p.table_words for p in pairs.target]
        forward, back = align_names(left, right, pairs)
        return np.asarray((forward + back) / 2)
