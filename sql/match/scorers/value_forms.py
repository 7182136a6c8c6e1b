"""Forms of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..base import MATCH_SCORERS, MatchScorer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["ValueForms"]


@MATCH_SCORERS.register("value_forms.v1")
@dataclass(frozen=True)
class ValueForms(MatchScorer):
    """Cosine of the counts of forms: runs of letters as "a", of digits as "9", other signs as they are."""

    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1; NaN where values of either column are unknown."""
        left, right = pairs.of(lambda profile: profile.forms)
        return np.where(pairs.known, np.einsum("ij,ij->i", left, right), np.nan)
