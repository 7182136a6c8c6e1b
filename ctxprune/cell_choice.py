"""Which rows and columns of a table to keep when only so many cells may stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

__all__ = ["choose_cells"]


def choose_cells(
    row_scores: Any,
    column_scores: Any,
    limit: float,
    *,
    rows: Collection[int] = (),
    columns: Collection[int] = (),
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The rows and the columns with the largest product of score sums among those of at most `limit` cells.

    Where the scores are probabilities that a row, and a column, holds what is asked for, and the two do not hang
    together, this is the choice that keeps most of it. For each number of rows the best ones and as many of the best
    columns as there is room for are tried, so the choice is exact; time O(n log n) in rows and columns together. Of
    equal scores the first come first, of equally good choices the one with most rows.

    Args:
        row_scores: Finite numbers from 0 up, (n_rows,).
        column_scores: Likewise, (n_columns,).
        limit: Cells (rows times columns) that may be kept.
        rows: Indices of rows that must be kept.
        columns: Indices of columns that must be kept.

    Returns:
        Indices of rows and of columns in rising order; both empty where not even one cell, or what must be kept, fits.

    Raises:
        UsageError: Scores that are negative, not finite or not in one dimension, or an index out of range.
    """
    row_order, row_sums, row_least = _ranked(row_scores, rows, "row")
    column_order, column_sums, column_least = _ranked(column_scores, columns, "column")
    counts = np.arange(max(row_least, 1), len(row_order) + 1)
    fitting = np.minimum(limit // np.maximum(counts, 1), len(column_order)).astype(np.intp) if limit > 0 else counts * 0
    possible = fitting >= max(column_least, 1)
    if not possible.any():
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    counts, fitting = counts[possible], fitting[possible]
    worth = row_sums[counts - 1] * column_sums[fitting - 1]
    best = len(worth) - 1 - int(np.argmax(worth[::-1]))
    return np.sort(row_order[: counts[best]]), np.sort(column_order[: fitting[best]])


def _ranked(scores: Any, needed: Collection[int], noun: str) -> tuple[NDArray[np.intp], NDArray[np.float64], int]:
    """Indices from best to worst with those that are needed first, the running sums, how many are needed."""
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or (values < 0).any():
        raise UsageError(f"the {noun} scores are no finite numbers from 0 up in one dimension")
    wanted = np.zeros(len(values), dtype=np.bool_)
    for index in needed:
        if not 0 <= index < len(values):
            raise UsageError(f"{noun} {index} does not exist", hint=f"there are {len(values)}")
        wanted[index] = True
    order = np.lexsort((-values, ~wanted))
    return order, np.cumsum(values[order]), int(wanted.sum())
