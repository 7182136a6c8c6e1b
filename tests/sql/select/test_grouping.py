"""Groups of equal results."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.select.grouping import choose_representative, group_results, read_table

CELLS = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from(["a", "b", ""]))
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6)


def _table(*rows: tuple[object, ...], width: int | None = None):
    size = width or len(rows[0])
    return read_table(ResultSet(tuple(map(str, range(size))), tuple(rows)))


@given(ROWS, st.permutations([0, 1, 2]), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_matter(rows, order, shuffler) -> None:
    cells = [sorted(map(repr, column)) for column in zip(*rows, strict=True)]
    assume(all(cells.count(column) == 1 for column in cells))
    turned = [tuple(row[place] for place in order) for row in rows]
    shuffler.shuffle(turned)
    left, right = _table(*rows, width=3), _table(*turned, width=3)
    assert (left.key, left.bare, left.columns) == (right.key, right.bare, right.columns)


def test_duplicate_rows_matter_to_the_key_alone() -> None:
    once, twice = _table((1, "a")), _table((1, "a"), (1, "a"))
    assert once.key != twice.key
    assert once.bare == twice.bare


def test_all_empty_results_agree() -> None:
    assert _table(width=1).key == _table(width=3).key


def test_the_largest_group_comes_first() -> None:
    tables = {0: _table((1,)), 2: _table((2,)), 5: _table((2,))}
    assert [group.members for group in group_results(tables)] == [(2, 5), (0,)]


def test_the_most_frequent_order_of_columns_is_shown() -> None:
    tables = {0: _table((2, 1)), 1: _table((1, 2)), 2: _table((1, 2))}
    sqls = ["SELECT b, a FROM t", "SELECT t.a, t.b FROM t", "SELECT a, b FROM t"]
    assert choose_representative((0, 1, 2), tables, sqls) == 2


def test_a_text_of_the_common_form_is_shown_before_a_shorter_one() -> None:
    tables = {place: _table((2,)) for place in range(3)}
    sqls = ["SELECT 2", "SELECT count(*) FROM t WHERE a > 1", "SELECT count(*) FROM t WHERE a > 0"]
    assert choose_representative((0, 1, 2), tables, sqls) == 1
