"""The EX rule: golden pairs, and a literal slow reference of the official comparison."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.sql.evaluation.spider import equal_results, order_matters, prepare_gold, prepare_prediction

CELLS = st.sampled_from([None, 0, 1, 1.0, 2, "1", "a", "b", ""])


def results(rows: int = 4, width: int = 3) -> st.SearchStrategy[list[tuple[object, ...]]]:
    return st.integers(1, width).flatmap(lambda n: st.lists(st.tuples(*[CELLS] * n), max_size=rows))


def slow(gold, predicted, *, ordered):
    if not gold and not predicted:
        return True
    if len(gold) != len(predicted) or len(gold[0]) != len(predicted[0]):
        return False
    key = lambda cell: str(cell) + str(type(cell))  # noqa: E731
    left, right = ([tuple(sorted(row, key=key)) for row in rows] for rows in (gold, predicted))
    if left != right if ordered else set(left) != set(right):
        return False
    for order in permutations(range(len(gold[0]))):
        moved = [tuple(row[index] for index in order) for row in predicted]
        if moved == gold if ordered else Counter(moved) == Counter(gold):
            return True
    return False


@given(results(), results(), st.booleans())
def test_equals_the_slow_reference(gold, predicted, ordered):
    assert equal_results(gold, predicted, ordered=ordered) == slow(gold, predicted, ordered=ordered)


@given(results(rows=5), st.randoms(use_true_random=False), st.booleans())
def test_any_column_order_of_the_same_rows_is_equal(gold, rng, ordered):
    order = list(range(len(gold[0]) if gold else 0))
    rng.shuffle(order)
    predicted = [tuple(row[index] for index in order) for row in gold]
    if not ordered:
        rng.shuffle(predicted)
    assert slow(gold, predicted, ordered=ordered) == equal_results(gold, predicted, ordered=ordered)


@pytest.mark.parametrize(
    ("gold", "predicted", "ordered", "equal"),
    [
        ([], [], False, True),
        ([], [(1,)], False, False),
        ([(1,)], [], False, False),
        ([(1,), (2,)], [(2,), (1,)], False, True),
        ([(1,), (2,)], [(2,), (1,)], True, False),
        ([(1, "a")], [("a", 1)], True, True),
        ([(1,)], [(1.0,)], False, True),
        ([("1",)], [(1,)], False, False),
        ([(None,)], [(None,)], False, True),
        ([(1,), (1,), (2,)], [(1,), (2,), (2,)], False, False),
        ([(1, 2), (2, 1)], [(1, 2), (1, 2)], False, False),
        ([(1,)], [(1, 1)], False, False),
    ],
)
def test_golden_pairs(gold, predicted, ordered, equal):
    assert equal_results(gold, predicted, ordered=ordered) is equal


def test_twenty_equal_columns_take_no_factorial_time():
    rows = [(None,) * 20 + (1, 2)]
    other = [(None,) * 20 + (2, 3)]
    assert equal_results(rows, rows, ordered=False)
    assert not equal_results(rows, other, ordered=False)


@pytest.mark.parametrize(
    ("sql", "prepared"),
    [
        ("SELECT DISTINCT a FROM t", "SELECT  a FROM t"),
        ("SELECT count(distinct a) FROM t", "SELECT count( a) FROM t"),
        ("SELECT 'distinct', \"distinct\" FROM t", "SELECT 'distinct', \"distinct\" FROM t"),
        ("SELECT a FROM t WHERE b > = 2 AND c ! = 3", "SELECT a FROM t WHERE b >= 2 AND c != 3"),
        ("SELECT YEAR( CURDATE() )", "SELECT 2020"),
    ],
)
def test_preparation(sql, prepared):
    assert prepare_gold(sql) == prepared


def test_a_prediction_loses_the_word_value():
    assert prepare_prediction("SELECT a FROM t WHERE b = value") == "SELECT a FROM t WHERE b = 1"


def test_order_counts_where_order_by_stands_anywhere():
    assert order_matters("SELECT a FROM t ORDER BY a")
    assert order_matters("SELECT a FROM (SELECT a FROM t Order By a)")
    assert not order_matters("SELECT a FROM t GROUP BY a")
