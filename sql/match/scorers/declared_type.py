"""Declared types of the same family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["DeclaredType"]


@MATCH_SCORERS.register("declared_type.v1")
@dataclass(frozen=True)
class DeclaredType(MatchScorer):
    """1 for the same family (number, text, time, flag), 0.5 where one is undeclared, 0 for different families."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1."""
        # SQLite's declared types promise nothing, so that a different one is evidence and no verdict.
        families = {"number": 1, "text": 2, "time": 3, "flag": 4}
        left, right = pairs.of(lambda profile: families.get(profile.family, 0))
        return np.where((left == 0) | (right == 0), 0.5, (left == right).astype(np.float64))
