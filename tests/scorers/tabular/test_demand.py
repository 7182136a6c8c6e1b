"""What a question demands of a table."""

from __future__ import annotations

import pytest

from ctxprune.grid import Grid
from ctxprune.scorers.tabular import question_demand

RACES = Grid(
    ("Year", "Driver", "Points", "Team"),
    (
        ("1999", "Ana Ruiz", "14", "Blue"), ("2001", "Bo Lind", "52", "Red"), ("2002", "Ana Ruiz", "40", "Red"),
        ("2005", "Cem Kaya", "7", "Green"),
    ),
    (4, 5, 6, 7),
    (0, 1, 2, 3),
)  # fmt: skip


@pytest.mark.parametrize(
    ("query", "kind", "columns", "all_rows", "extremes"),
    [
        ("Which team did Bo Lind drive for?", "lookup", (3,), False, ()),
        ("Who scored the most points?", "superlative", (2,), False, (1,)),
        ("Who had the fewest points?", "superlative", (2,), False, (3,)),
        ("What is the latest year with a red team?", "superlative", (0, 3), False, (3,)),
        ("What is the total of all points?", "aggregate", (2,), True, ()),
        ("How many drivers are there?", "count", (1,), True, ()),
        ("Who drove before 2001?", "comparison", (), False, ()),
        ("Who is listed right after Bo Lind?", "neighbour", (), False, ()),
        ("What is the difference in points between Ana Ruiz and Bo Lind?", "difference", (2,), False, ()),
    ],
)
def test_demands(query, kind, columns, all_rows, extremes):
    demand = question_demand(query, RACES)
    assert (demand.kind, demand.columns, demand.all_rows, demand.extreme_rows) == (kind, columns, all_rows, extremes)


def test_a_table_without_rows_demands_none():
    demand = question_demand("What is the total?", Grid(("a",), (), (), (0,)))
    assert not demand.all_rows
    assert demand.extreme_rows == ()
