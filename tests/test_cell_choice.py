"""The choice of rows and columns against trying every choice."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.cell_choice import choose_cells
from ctxprune.errors import UsageError

SCORES = st.lists(st.integers(0, 8).map(lambda number: number / 8), min_size=1, max_size=5)


def subsets(size: int, needed: set[int]):
    for count in range(1, size + 1):
        for chosen in itertools.combinations(range(size), count):
            if needed <= set(chosen):
                yield list(chosen)


@given(SCORES, SCORES, st.integers(0, 25), st.data())
def test_no_choice_is_better(rows, columns, limit, data):
    row_needs = data.draw(st.sets(st.integers(0, len(rows) - 1), max_size=2))
    column_needs = data.draw(st.sets(st.integers(0, len(columns) - 1), max_size=2))
    kept_rows, kept_columns = choose_cells(rows, columns, limit, rows=row_needs, columns=column_needs)
    row_values, column_values = np.array(rows), np.array(columns)
    best = max(
        (
            row_values[some].sum() * column_values[others].sum()
            for some in subsets(len(rows), row_needs)
            for others in subsets(len(columns), column_needs)
            if len(some) * len(others) <= limit
        ),
        default=None,
    )
    if best is None:
        assert len(kept_rows) == len(kept_columns) == 0
        return
    assert len(kept_rows) * len(kept_columns) <= limit
    assert row_needs <= set(kept_rows.tolist())
    assert column_needs <= set(kept_columns.tolist())
    assert row_values[kept_rows].sum() * column_values[kept_columns].sum() == pytest.approx(best)
    assert list(kept_rows) == sorted(set(kept_rows))
    assert list(kept_columns) == sorted(set(kept_columns))


def test_equal_scores_keep_the_first_and_most_rows():
    rows, columns = choose_cells([0.5] * 4, [0.5] * 4, 8)
    assert rows.tolist() == [0, 1, 2, 3]
    assert columns.tolist() == [0, 1]


def test_a_likely_row_keeps_its_columns_and_flat_rows_stay_whole():
    assert [part.tolist() for part in choose_cells([0.9, 0.01, 0.01, 0.01], [0.4] * 4, 4)] == [[0], [0, 1, 2, 3]]
    assert [part.tolist() for part in choose_cells([0.3] * 4, [0.9, 0.01, 0.01, 0.01], 4)] == [[0, 1, 2, 3], [0]]


def test_an_empty_table_keeps_nothing():
    assert [len(part) for part in choose_cells([], [], 10)] == [0, 0]
    assert [len(part) for part in choose_cells([], [0.5], 10)] == [0, 0]


@pytest.mark.parametrize(
    ("rows", "columns", "needs"),
    [([-0.1], [1.0], {}), ([float("nan")], [1.0], {}), ([[1.0]], [1.0], {}), ([1.0], [1.0], {"rows": [1]})],
)
def test_odd_arguments_are_refused(rows, columns, needs):
    with pytest.raises(UsageError):
        choose_cells(rows, columns, 4, **needs)
