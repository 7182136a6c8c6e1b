"""When two results are the same answer."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.database.equality import is_hollow, orders_rows, result_key

CELL = st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)


def _set(*rows: tuple[object, ...]) -> ResultSet:
    return ResultSet(tuple(f"c{i}" for i in range(len(rows[0]) if rows else 1)), rows)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ((1,), (1.0,), True),
        ((0.1 + 0.2,), (0.3,), True),
        ((0.0,), (-0.0,), True),
        ((float("nan"),), (float("nan"),), True),
        ((True,), (1,), True),
        ((math.inf,), (-math.inf,), False),
        ((1,), ("1",), False),
        ((None,), (0,), False),
        ((None,), ("",), False),
        ((b"a",), ("a",), False),
        ((1.000001,), (1.000002,), False),
        ((2**60,), (2**60 + 1,), False),
        ((10**400,), (10**400,), True),
        ((1, 2), (2, 1), False),
    ],
)
def test_cells(left: tuple[object, ...], right: tuple[object, ...], equal: bool) -> None:
    keys = [result_key(_set(row), ordered=False) for row in (left, right)]
    assert (keys[0] == keys[1]) is equal


def test_duplicates_and_widths_count() -> None:
    assert result_key(_set((1,), (1,)), ordered=False) != result_key(_set((1,)), ordered=False)
    assert result_key(ResultSet(("a",), ()), ordered=False) != result_key(ResultSet(("a", "b"), ()), ordered=False)


def test_order_counts_only_where_it_was_asked_for() -> None:
    up, down = _set((1,), (2,)), _set((2,), (1,))
    assert result_key(up, ordered=False) == result_key(down, ordered=False)
    assert result_key(up, ordered=True) != result_key(down, ordered=True)
    assert result_key(_set((1,)), ordered=True) == result_key(_set((1,)), ordered=False)


@given(st.lists(st.tuples(CELL, CELL), max_size=8), st.randoms(use_true_random=False))
def test_any_cells_have_a_key_that_ignores_row_order(rows: list[tuple[object, ...]], rng: random.Random) -> None:
    shuffled = rows[:]
    rng.shuffle(shuffled)
    key = result_key(ResultSet(("a", "b"), tuple(rows)), ordered=False)
    assert hash(key) == hash(result_key(ResultSet(("a", "b"), tuple(shuffled)), ordered=False))
    assert key == result_key(ResultSet(("a", "b"), tuple(shuffled)), ordered=False)


def test_hollow_results() -> None:
    assert is_hollow(ResultSet(("a",), ()))
    assert is_hollow(_set((None, None)))
    assert not is_hollow(_set((0,)))
    assert not is_hollow(_set(("",)))


@pytest.mark.parametrize(
    ("sql", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a", True),
        ("select a from t order  by a", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("SELECT a FROM t WHERE b = 'order by'", False),
        ('SELECT "order by" FROM t', False),
        ("SELECT RANK() OVER (ORDER BY a) FROM t", False),
        ("SELECT a FROM t UNION SELECT b FROM u ORDER BY 1", True),
    ],
)
def test_outermost_order(sql: str, ordered: bool) -> None:
    assert orders_rows(sql) is ordered
