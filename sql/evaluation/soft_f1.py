"""BIRD's Soft-F1: how far the cells of two results agree, row by row.

Nothing but the standard library, since the process that runs the queries computes it.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["soft_f1"]

Row = tuple[object, ...]


def soft_f1(predicted: Sequence[Row], gold: Sequence[Row]) -> float:
    """F1 of cells, 0 to about 1 (bird-bench/mini_dev `evaluation_f1.py`).

    Duplicate rows go, rows are paired by position, and inside a pair cells are looked up anywhere in the other row, so
    row order counts and column order does not; a cell that is repeated in the prediction matches each time. Shares of
    cells are of the reference's width. Two empty results give 1.
    """
    if not predicted and not gold:
        return 1.0
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
