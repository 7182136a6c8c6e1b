"""Position in the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["Place"]


@MATCH_SCORERS.register("place.v1")
@dataclass(frozen=True)
class Place(MatchScorer):
    """1 minus the distance of both columns' relative positions in their tables."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1."""
        left, right = pairs.of(lambda profile: profile.place)
        return 1.0 - np.abs(left - right)
