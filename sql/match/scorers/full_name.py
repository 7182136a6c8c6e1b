"""Names of columns together with those of their tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer
from .names_of import align_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["FullName"]


@MATCH_SCORERS.register("full_name.v1")
@dataclass(frozen=True)
class FullName(MatchScorer):
    """As `NameWords` with the table's words too: "student.name" is like "people.student_name"."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1."""
        left = [_unique(p.table_words, p.words) for p in pairs.source]
        right = [_unique(p.table_words, p.words) for p in pairs.target]
        forward, back = align_names(left, right, pairs)
        return np.asarray((forward + back) / 2)


def _unique(table: tuple[str, ...], column: tuple[str, ...]) -> list[str]:
    return list(dict.fromkeys((*column, *table)))
