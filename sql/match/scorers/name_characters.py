"""Characters of two names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["NameCharacters"]

_BLOCK = 256  # columns of the source at a time


@MATCH_SCORERS.register("name_characters.v1")
@dataclass(frozen=True)
class NameCharacters(MatchScorer):
    """Mean of the Jaro-Winkler and the indel similarity of both names without case and separators."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; 1 for names that differ in case and separators alone."""
        from rapidfuzz.distance import Indel, JaroWinkler
        from rapidfuzz.process import cdist

        left, right = (["".join(p.words) for p in side] for side in (pairs.source, pairs.target))
        found = np.zeros(len(pairs))
        if not len(pairs):
            return found
        # In blocks, since a matrix of all columns would not fit where only candidates are scored.
        order = np.argsort(pairs.rows, kind="stable")
        rows = pairs.rows[order]
        for start in range(0, len(left), _BLOCK):
            here = order[np.searchsorted(rows, start) : np.searchsorted(rows, start + _BLOCK)]
            if not len(here):
                continue
            block = left[start : start + _BLOCK]
            both = cdist(block, right, scorer=JaroWinkler.similarity) + cdist(
                block, right, scorer=Indel.normalized_similarity
            )
            found[here] = both[pairs.rows[here] - start, pairs.columns[here]] / 2
        return found
