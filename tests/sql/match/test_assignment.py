"""The assignment against a search over all of them, and the sparse form against the dense one."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctxprune.sql.match.assignment import assign, assign_sparse

TABLES = st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.integers(-4, 9).map(float))
)


def best_sum(gains: np.ndarray) -> float:
    if gains.shape[0] > gains.shape[1]:
        gains = gains.T
    rows, columns = gains.shape
    return max(sum(gains[row, place[row]] for row in range(rows)) for place in permutations(range(columns), rows))


@given(gains=TABLES)
def test_the_sum_is_the_largest(gains: np.ndarray) -> None:
    found = assign(gains)
    assert len(found) == min(gains.shape)
    assert len({row for row, _ in found}) == len({column for _, column in found}) == len(found)
    assert sum(gains[pair] for pair in found) == best_sum(gains)


def test_nothing_to_assign() -> None:
    assert assign(np.zeros((0, 3))) == []
    assert assign(np.zeros((3, 0))) == []
    empty = np.empty(0, dtype=np.int64)
    assert assign_sparse(empty, empty, np.empty(0)).tolist() == []


@given(gains=TABLES)
def test_pairs_without_gain_are_left(gains: np.ndarray) -> None:
    rows, columns = (values.ravel() for values in np.indices(gains.shape))
    chosen = assign_sparse(rows, columns, gains.ravel())
    assert (gains.ravel()[chosen] > 0).all()
    assert len(set(rows[chosen])) == len(chosen) == len(set(columns[chosen]))
    assert gains.ravel()[chosen].sum() == max(best_sum(np.maximum(gains, 0)), 0)


def test_a_large_group_takes_the_best_pairs_first() -> None:
    n = 450
    rows, columns = np.divmod(np.arange(n * 3, dtype=np.int64), 3)
    columns = (rows + columns) % n  # a ring: one group of all
    gains = np.where(columns == rows, 2.0, 1.0)
    chosen = assign_sparse(rows, columns, gains)
    assert (rows[chosen] == columns[chosen]).all()
    assert len(chosen) == n
