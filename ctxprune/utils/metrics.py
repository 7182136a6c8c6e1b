"""Measures of a ranking, and how sure a mean of differences is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["bootstrap_means", "ndcg", "reciprocal_rank", "sign_test"]

_DEPTH = 10
_DRAWS = 10_000


def ndcg(gained: Sequence[float], attainable: Sequence[float]) -> float:
    """Discounted gain of the first ten over that of the best order, 0 to 1 (Järvelin and Kekäläinen 2002)."""
    ideal = sorted(attainable, reverse=True)[:_DEPTH]
    return _discounted(gained[:_DEPTH]) / _discounted(ideal)


def reciprocal_rank(gained: Sequence[float]) -> float:
    """1 over the place of the first relevant document; 0 where the first ten have none."""
    return next((1 / place for place, gain in enumerate(gained[:_DEPTH], start=1) if gain > 0), 0.0)


def bootstrap_means(values: Any, seed: int) -> Any:
    """Means of 10,000 samples with replacement; float64 (draws,)."""
    import numpy as np

    distinct, counts = np.unique(values, return_counts=True)  # few distinct values: draw how often each comes
    rng = np.random.default_rng(seed)
    if len(distinct) <= 64:
        drawn = rng.multinomial(len(values), counts / len(values), size=_DRAWS)
        return drawn @ distinct / len(values)
    return np.array([rng.choice(values, size=len(values)).mean() for _ in range(_DRAWS)])


def sign_test(better: int, worse: int) -> float:
    """Exact one-sided p-value of at least `worse` losses where a win and a loss are equally likely; 1.0 without either.

    Ties say nothing and are not counted; small values say that one is worse by more than chance.
    """
    n = better + worse
    # Integers are exact for any number of items; floats would overflow or lose the tail.
    return sum(math.comb(n, k) for k in range(worse, n + 1)) / (1 << n)


def _discounted(gains: Sequence[float]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))
