"""The same role in keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["KeyRole"]


@MATCH_SCORERS.register("key_role.v1")
@dataclass(frozen=True)
class KeyRole(MatchScorer):
    """Half for being both or neither part of a primary key, half for the same of foreign keys."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1."""
        left, right = pairs.of(lambda profile: np.array([profile.primary_key, profile.refers is not None]))
        return np.asarray((left == right).mean(axis=1), dtype=np.float64)
