"""Features of tables for one question, from their words, the first scores of their columns and their neighbours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .features import COLUMN_FEATURES, LOWEST, TABLE_WORDS, sigmoid

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .statistics import SchemaStatistics

__all__ = ["table_features"]


def table_features(
    stats: SchemaStatistics, tables: NDArray[np.float64], columns: NDArray[np.float64], logits: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Features of every table, from its own words and from first scores of its columns and of its neighbours'.

    Args:
        stats: Of the schema.
        tables: float64 (n_tables, TABLE_WORDS), as `column_features` gives them.
        columns: float64 (n_columns, len(COLUMN_FEATURES)).
        logits: float64 (n_columns,), first scores of the columns.

    Returns:
        float64 (n_tables, TABLE_WORDS + 14).
    """
    n = len(tables)
    best, second, mass = _column_summary(stats, logits)
    hit = np.zeros(n)
    strength = columns[:, COLUMN_FEATURES.index("hit")] * columns[:, COLUMN_FEATURES.index("hit_share")]
    np.maximum.at(hit, stats.table_of, strength)
    near_best, near_sum, degree = stats.neighbourhood(best)
    rank = np.searchsorted(np.sort(-best), -best)
    lead = best - best.max(initial=LOWEST)
    size = columns[0, COLUMN_FEATURES.index("question_size")] if len(columns) else 0.0
    parts = [
        best, second, np.log1p(mass), hit, np.log1p(stats.table_size), near_best, near_sum, degree,
        np.full(n, math.log(max(n, 1))), rank == 0, np.minimum(rank, 5), lead, tables[:, 0] * lead, np.full(n, size),
    ]  # fmt: skip
    return np.column_stack([tables, *parts]) if n else np.zeros((0, TABLE_WORDS + len(parts)))


def _column_summary(
    stats: SchemaStatistics, logits: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    n = len(stats.table_size)
    best, second = np.full(n, LOWEST), np.full(n, LOWEST)
    np.maximum.at(best, stats.table_of, logits)
    order = np.lexsort((-logits, stats.table_of))
    starts = np.flatnonzero(np.diff(stats.table_of[order], prepend=-1))
    seconds = starts + 1
    inside = seconds < len(order)
    inside[inside] = stats.table_of[order[seconds[inside]]] == stats.table_of[order[starts[inside]]]
    rows = order[seconds[inside]]
    second[stats.table_of[rows]] = np.maximum(second[stats.table_of[rows]], logits[rows])
    mass = np.bincount(stats.table_of, sigmoid(logits), minlength=n).astype(float)
    return best, second, mass
