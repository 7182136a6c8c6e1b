"""The quantiles of pairs of number columns, which two scorers read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..profile import QUANTILES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..base import Pairs

__all__ = ["number_pairs"]


def number_pairs(pairs: Pairs) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
    """Whether both columns are numbers, bool (n_pairs,), and their quantiles, float64 (n_pairs, 33); zeros if not."""
    empty = np.zeros(QUANTILES)
    left, right = pairs.of(lambda profile: profile.quantiles if len(profile.quantiles) else empty)
    has_left, has_right = pairs.of(lambda profile: len(profile.quantiles))
    return (has_left > 0) & (has_right > 0), left.reshape(-1, QUANTILES), right.reshape(-1, QUANTILES)
