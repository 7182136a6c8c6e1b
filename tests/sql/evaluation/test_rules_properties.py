"""Equality, Soft-F1 and R-VES against slow references that say the official rules word for word."""

from __future__ import annotations

import math
from collections import Counter
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.sql.evaluation.bird import r_ves, reward, soft_f1, time_ratio
from ctxprune.sql.evaluation.equality import ComparisonLimitError, contains_columns, equal_results, equal_sets
from ctxprune.sql.evaluation.lexer import first_statement, tokens
from ctxprune.sql.evaluation.plug_values import plugged
from ctxprune.sql.evaluation.rules import SPIDER, ExecutionRule
from ctxprune.sql.evaluation.spider import prepare_gold, prepare_prediction

CELLS = st.sampled_from([None, 0, 1, 1.0, 10, 2.0, 2, "1", "a", "b", "", b"a", 0.1 + 0.2, 0.3, -0.0])


def results(width: int = 4, rows: int = 5):
    return st.integers(1, width).flatmap(lambda n: st.lists(st.tuples(*[CELLS] * n), max_size=rows))


@st.composite
def pairs(draw):
    """A result, and one that is often the same up to the order of rows or columns, or a cell."""
    gold = draw(results())
    if not gold or draw(st.booleans()):
        return gold, draw(results())
    order = draw(st.permutations(range(len(gold[0]))))
    rows = [tuple(row[index] for index in order) for row in draw(st.permutations(gold))]
    if draw(st.booleans()):
        at = draw(st.integers(0, len(rows) - 1))
        rows[at] = (draw(CELLS), *rows[at][1:])
    return gold, rows


def slow_bag(gold, predicted, ordered):
    if not gold and not predicted:
        return True
    if len(gold) != len(predicted) or len(gold[0]) != len(predicted[0]):
        return False
    sort = lambda row: tuple(sorted(row, key=lambda cell: str(cell) + str(type(cell))))  # noqa: E731
    left, right = [sort(row) for row in gold], [sort(row) for row in predicted]
    if (left != right) if ordered else (set(left) != set(right)):
        return False
    for order in permutations(range(len(gold[0]))):
        moved = [tuple(row[index] for index in order) for row in predicted]
        if (moved == gold) if ordered else (Counter(moved) == Counter(gold)):
            return True
    return False


@settings(max_examples=600, deadline=None)
@given(pairs(), st.booleans())
def test_bags(pair, ordered):
    assert equal_results(*pair, ordered=ordered) == slow_bag(*pair, ordered)


def slow_columns(gold, predicted):
    if not gold or not predicted:
        return not gold and not predicted
    if len(gold) != len(predicted):
        return False
    orders = permutations(range(len(predicted[0])), len(gold[0]))
    return any(Counter(tuple(row[index] for index in order) for row in predicted) == Counter(gold) for order in orders)


@settings(max_examples=300, deadline=None)
@given(pairs(), st.integers(0, 2))
def test_columns_of_a_wider_result(pair, dropped):
    gold, predicted = pair
    narrow = [row[: max(len(row) - dropped, 1)] for row in gold]
    assert contains_columns(narrow, predicted) == slow_columns(narrow, predicted)


def test_the_search_for_columns_has_a_limit_where_one_is_given():
    gold = [(*bits, sum(bits[:4]) % 2 + 2) for bits in product((0, 1), repeat=5)]
    wrong = [(*bits, sum(bits[:2]) % 2 + 2) for bits in product((0, 1), repeat=5)]
    assert not equal_results(gold, wrong, ordered=False)
    with pytest.raises(ComparisonLimitError):
        equal_results(gold, wrong, ordered=False, most_cells=3000)
    # other orders of columns with cells of their own need no search
    rows = [tuple(range(at, at + 300)) for at in range(20)]
    turned = [row[::-1] for row in rows]
    assert equal_results(rows, turned, ordered=True, most_cells=6000)
    assert equal_results(rows, turned[::-1], ordered=False, most_cells=6000)


@settings(max_examples=300, deadline=None)
@given(pairs())
def test_sets(pair):
    gold, predicted = pair
    assert equal_sets(gold, predicted) == (
        all(row in gold for row in predicted) and all(row in predicted for row in gold)
    )


def slow_f1(predicted, gold):
    if not predicted and not gold:
        return 1.0
    once = lambda rows: [row for at, row in enumerate(rows) if row not in rows[:at]]  # noqa: E731
    left, right = once(predicted), once(gold)
    matches, only_left, only_right = [], [], []
    for at in range(max(len(left), len(right))):
        if at >= len(left):
            matches, only_left, only_right = [*matches, 0], [*only_left, 0], [*only_right, 1]
        elif at >= len(right):
            matches, only_left, only_right = [*matches, 0], [*only_left, 1], [*only_right, 0]
        else:
            n = len(right[at])
            matches.append(len([cell for cell in left[at] if cell in right[at]]) / n)
            only_left.append(len([cell for cell in left[at] if cell not in right[at]]) / n)
            only_right.append(len([cell for cell in right[at] if cell not in left[at]]) / n)
    tp, fp, fn = sum(matches), sum(only_left), sum(only_right)
    precision = tp / (tp + fp) if tp + fp else 0
    recall = tp / (tp + fn) if tp + fn else 0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0


@settings(max_examples=400, deadline=None)
@given(pairs())
def test_soft_f1(pair):
    gold, predicted = pair
    assert soft_f1(predicted, gold) == slow_f1(predicted, gold)


def test_soft_f1_by_hand():
    assert soft_f1([(1, 1)], [(1, 2)]) == pytest.approx(2 * (2 / 2 / 1) * (1 / 1.5) / (1 + 1 / 1.5))
    assert soft_f1([("b", "a")], [("a", "b")]) == 1
    assert soft_f1([(1,), (2,)], [(2,), (1,)]) == 0
    assert soft_f1([(1,), (1,)], [(1,)]) == 1
    assert soft_f1([], [(1,)]) == 0


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.01, 100), max_size=20))
def test_time_ratio(ratios):
    if not ratios:
        assert time_ratio(ratios) == 0
        return
    mean = sum(ratios) / len(ratios)
    spread = math.sqrt(sum((one - mean) ** 2 for one in ratios) / len(ratios))
    kept = [one for one in ratios if mean - 3 * spread < one < mean + 3 * spread]
    if spread > 1e-9:  # else the last digits decide
        assert time_ratio(ratios) == pytest.approx(sum(kept) / len(kept))
    if len(set(ratios)) == 1 and ratios[0] == mean:
        assert time_ratio(ratios) in (0.0, pytest.approx(mean))
    assert time_ratio(ratios[:1]) == 0


def test_rewards_and_their_mean():
    assert [reward(one) for one in (0, 0.1, 0.25, 0.49, 0.5, 0.99, 1, 1.99, 2, 9)] == [
        0, 0.25, 0.5, 0.5, 0.75, 0.75, 1, 1, 1.25, 1.25,
    ]  # fmt: skip
    assert r_ves([1.25, 0]) == pytest.approx(100 * math.sqrt(1.25) / 2)
    assert r_ves([]) is None


TEXTS = st.lists(
    st.sampled_from(["SELECT", "distinct", "DISTINCT", "'a;b'", '"distinct"', ";", "(", ")", "--x\n", "/*;*/", " ", "x",
                     "1", "`d`", "[c]", "count(DISTINCT y)", "'", ",", "END"]), max_size=12,
).map(" ".join)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_tokens_join_to_the_text(text):
    assert "".join(token.text for token in tokens(text)) == text
    first = "".join(token.text for token in first_statement(text))
    assert text.startswith(first)
    assert "distinct" not in [token.text.lower() for token in tokens(prepare_gold(text)) if token.kind == "word"]


@pytest.mark.parametrize(
    ("sql", "prepared"),
    [
        ("SELECT DISTINCT a, count(DISTINCT b) FROM t", "SELECT  a, count( b) FROM t"),
        ("SELECT 'distinct', \"distinct\" FROM t", "SELECT 'distinct', \"distinct\" FROM t"),
        ("SELECT value FROM t WHERE values > = 'value'", "SELECT 1 FROM t WHERE 1s >= '1'"),
        ("SELECT 1; DROP TABLE t", "SELECT 1; "),
        ("SELECT ';' ; SELECT 2", "SELECT ';' ; "),
        ("SELECT year( curdate ( ) ) - 1", "SELECT 2020- 1"),
        ("SELECT a FROM t WHERE b ! = 1 AND c < = 2", "SELECT a FROM t WHERE b != 1 AND c <= 2"),
    ],
)
def test_prepared_texts(sql, prepared):
    assert prepare_prediction(sql) == prepared


def test_plugged_values():
    found = list(plugged("SELECT a FROM t WHERE b = 'x' AND c = 5", "SELECT a FROM t WHERE b = 'q' AND c > 1"))
    assert found[0] == "SELECT a FROM t WHERE b = 'q' AND c > 1"
    assert sorted(found[1:]) == sorted(
        f"select a from t where b = {one} and c > {two}" for one in ("'x'", "5") for two in ("'x'", "5")
    )
    assert list(plugged("SELECT a FROM t", "SELECT a FROM t WHERE b = 1")) == ["SELECT a FROM t WHERE b = 1"]


def test_rules_refuse_limits_that_are_none():
    with pytest.raises(UsageError, match="seconds"):
        ExecutionRule("x", seconds=0)
    assert SPIDER.seconds == 60
