"""One partner for each: the assignment of rows to columns with the largest sum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["assign", "assign_sparse", "gains_over", "log_odds"]

_SURE = 1e-6  # from 0 and 1: a probability of 1 would outweigh any number of other pairs

_LARGEST = 400  # rows or columns of a group that is solved exactly; beyond, the best pair is taken first


def assign(gains: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs (row, column) with the largest sum of gains, each row and each column at most once, sorted by row.

    The Hungarian method with shortest augmenting paths (Jonker and Volgenant, "A shortest augmenting path algorithm
    for dense and sparse linear assignment problems"): O(rows² · columns) steps for rows <= columns.

    Args:
        gains: float64 (n_rows, n_columns), finite. Every row gets a column where there are as many, whatever the gain.
    """
    n, m = gains.shape
    if n > m:
        return sorted((row, column) for column, row in assign(gains.T))
    if not n:
        return []
    costs = gains.max() - gains
    row_price, column_price = np.zeros(n + 1), np.zeros(m + 1)
    owner = np.full(m + 1, -1)  # the row of each column; the last column is the start of every path
    for row in range(n):
        owner[m], at = row, m
        nearest, before = np.full(m + 1, np.inf), np.full(m + 1, -1)
        done = np.zeros(m + 1, dtype=np.bool_)
        while owner[at] >= 0:
            done[at] = True
            here = owner[at]
            reach = costs[here] - row_price[here] - column_price[:m]
            closer = ~done[:m] & (reach < nearest[:m])
            nearest[:m][closer], before[:m][closer] = reach[closer], at
            following = int(np.argmin(np.where(done[:m], np.inf, nearest[:m])))
            step = nearest[following]
            row_price[owner[done]] += step
            column_price[done] -= step
            nearest[~done] -= step
            at = following
        while at != m:
            previous = int(before[at])
            owner[at], at = owner[previous], previous
    return sorted((int(owner[column]), column) for column in range(m) if owner[column] >= 0)


def log_odds(chances: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """ln(p / (1 - p)) of probabilities, 0..1; finite for 0 and 1, too."""
    safe = np.clip(np.asarray(chances, dtype=np.float64), _SURE, 1 - _SURE)
    return np.asarray(np.log(safe / (1 - safe)))


def gains_over(bar: float, chances: NDArray[np.float64], odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """What an assignment gains by each pair: its log-odds over those of the bar; 0 for a pair below it.

    A sum of probabilities would give up one sure pair for two doubtful ones.
    """
    return np.where(chances >= bar, odds - log_odds(bar) + 1e-9, 0.0)


def assign_sparse(rows: NDArray[np.int64], columns: NDArray[np.int64], gains: NDArray[np.float64]) -> NDArray[np.int64]:
    """The chosen ones among pairs with positive gains, as places int64 (n_chosen,), rising; for the largest sum.

    Pairs that share no row or column with others are settled by themselves: each connected group is solved on its
    own. In a group with more than 400 rows or columns the pairs of the largest gain are taken first, without a promise
    of the largest sum.
    """
    places = np.flatnonzero(gains > 0)
    chosen: list[int] = []
    for group in _groups(rows[places], columns[places]):
        here = places[group]
        row_names, r = np.unique(rows[here], return_inverse=True)
        column_names, c = np.unique(columns[here], return_inverse=True)
        if max(len(row_names), len(column_names)) > _LARGEST:
            chosen += _best_first(here, rows, columns, gains)
            continue
        table = np.zeros((len(row_names), len(column_names)))
        number = np.full(table.shape, -1)
        table[r, c], number[r, c] = gains[here], here
        chosen += [int(number[pair]) for pair in assign(table) if number[pair] >= 0]
    return np.array(sorted(chosen), dtype=np.int64)


def _best_first(
    here: NDArray[np.int64], rows: NDArray[np.int64], columns: NDArray[np.int64], gains: NDArray[np.float64]
) -> list[int]:
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    found = []
    for place in here[np.argsort(-gains[here], kind="stable")].tolist():
        row, column = int(rows[place]), int(columns[place])
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            found.append(place)
    return found


def _groups(rows: NDArray[np.int64], columns: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Places of the pairs of each connected group, by union-find over rows and columns."""
    if not len(rows):
        return []
    offset = int(rows.max()) + 1
    parent = list(range(offset + int(columns.max()) + 1))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]  # halves the path, so that later look-ups are short
            node = parent[node]
        return node

    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        parent[root(row)] = root(column + offset)
    roots = np.array([root(row) for row in rows.tolist()])
    order = np.argsort(roots, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(roots[order])) + 1)
