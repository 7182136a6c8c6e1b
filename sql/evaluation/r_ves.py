"""BIRD's R-VES: a reward for right queries by how fast they are beside the reference."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["r_ves", "reward", "time_ratio"]

_STEPS = ((2.0, 1.25), (1.0, 1.0), (0.5, 0.75), (0.25, 0.5))


def time_ratio(ratios: Sequence[float]) -> float:
    """Mean of reference time over predicted time without outliers; 0.0 where none is left.

    As in bird-bench/mini_dev `evaluation_ves.py`, only values strictly within three standard deviations of the mean
    count. Where all are equal (one repetition, for example) none is, and the item's reward is 0.
    """
    import numpy as np

    if not ratios:
        return 0.0
    values = np.asarray(ratios, dtype=float)
    mean, spread = np.mean(values), np.std(values)
    kept = [value for value in ratios if mean - 3 * spread < value < mean + 3 * spread]
    return sum(kept) / len(kept) if kept else 0.0


def reward(ratio: float) -> float:
    """The reward of a right query: 0 for a ratio of 0, else 0.25 to 1.25."""
    if ratio == 0:
        return 0.0
    return next((value for least, value in _STEPS if ratio >= least), 0.25)


def r_ves(rewards: Iterable[float]) -> float | None:
    """Mean of the square roots of the rewards of all items, wrong ones with 0, in percent; None without items."""
    values = [math.sqrt(value) * 100 for value in rewards]
    return sum(values) / len(values) if values else None
