"""Meaning of comments and descriptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import STOP_WORDS, words

from ..base import MATCH_SCORERS, MatchScorer
from .names_of import mean_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs
    from ..profile import ColumnProfile

__all__ = ["Description"]


@MATCH_SCORERS.register("description.v1")
@dataclass(frozen=True)
class Description(MatchScorer):
    """Cosine of the mean word vectors of what is said of both; where one has no description its name is taken."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN where neither has one."""
        said_left, said_right = pairs.of(lambda profile: bool(profile.text))
        left, right = (mean_vectors([_words_of(p) for p in side]) for side in (pairs.source, pairs.target))
        near = np.maximum(np.einsum("ij,ij->i", left[pairs.rows], right[pairs.columns]), 0.0)
        return np.where((said_left > 0) | (said_right > 0), near, np.nan)


def _words_of(profile: ColumnProfile) -> list[str]:
    said = [word for word in words(profile.text) if word not in STOP_WORDS][:40]
    return said or list(profile.words)
