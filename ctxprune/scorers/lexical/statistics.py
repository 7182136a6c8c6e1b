"""What readers of words share of BM25: how telling a term is, and how much a unit's length counts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["inverse_frequencies", "length_norms", "unknown_frequency"]


def inverse_frequencies(holders: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    """ln(1 + (n - df + 0.5) / (df + 0.5)), float64 (n_terms,), of terms that so many of `size` units hold."""
    return np.asarray(np.log(1 + (size - holders + 0.5) / (holders + 0.5)), dtype=np.float64)


def unknown_frequency(size: int) -> float:
    """The same of a term that none of `size` units holds."""
    return math.log(1 + (size + 0.5) / 0.5)


def length_norms(lengths: NDArray[np.int64], b: float) -> NDArray[np.float64]:
    """float64 (n_units,): 1 for a unit of mean length; `b`, 0..1, says how much other lengths count."""
    mean = max(float(lengths.mean()) if len(lengths) else 0.0, 1e-9)  # units of nothing but stop words have none
    return np.asarray((1 - b) + b * lengths / mean, dtype=np.float64)
