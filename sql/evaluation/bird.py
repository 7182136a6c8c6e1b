"""BIRD's measures beside execution accuracy: Soft-F1 and R-VES.

Soft-F1 needs nothing but the standard library, since the process that runs the queries computes it; numpy is imported
where the times of a whole run are weighed.
"""

from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["r_ves", "reward", "soft_f1", "time_ratio"]

Row = tuple[object, ...]

_STEPS = ((2.0, 1.25), (1.0, 1.0), (0.5, 0.75), (0.25, 0.5))  # at least so many times as fast, reward


def soft_f1(predicted: Sequence[Row], gold: Sequence[Row]) -> float:
    """F1 of cells, 0 to about 1 (bird-bench/mini_dev `evaluation_f1.py`).

    Duplicate rows go, rows are paired by position, and inside a pair cells are looked up anywhere in the other row, so
    row order counts and column order does not; a cell that is repeated in the prediction matches each time. Shares of
    cells are of the reference's width. Two empty results give 1.
    """
    if not predicted and not gold:
        return 1.0
    # duplicates are removed in order: rows are paired by position afterwards
    left, right = list(dict.fromkeys(predicted)), list(dict.fromkeys(gold))
    # Sums of floats depend on their order, so it is that of the official script.
    matched: list[float] = []
    predicted_only: list[float] = []
    gold_only: list[float] = []
    for one, other in zip(left, right, strict=False):
        width = len(other)
        matched.append(sum(cell in other for cell in one) / width)
        predicted_only.append(sum(cell not in other for cell in one) / width)
        gold_only.append(sum(cell not in one for cell in other) / width)
    predicted_only += [1] * (len(left) - len(right))
    gold_only += [1] * (len(right) - len(left))
    true, false, missed = sum(matched), sum(predicted_only), sum(gold_only)
    precision = true / (true + false) if true + false > 0 else 0.0
    recall = true / (true + missed) if true + missed > 0 else 0.0
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


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
