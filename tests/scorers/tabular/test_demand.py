"""What a question demands of a table."""

from __future__ import annotations

import pytest

from ctxprune.context.grid import Grid
from ctxprune.scorers.structured.tabular import question_demand

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
        ("What is the latest year with a red team?", "superlative", (0, 3), False, (2,)),
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


CITIES = Grid(
    ("City", "Population", "Founded"),
    (("Arl", "1030", "1990"), ("Bex", "1005", "1990.0"), ("Cor", "1100", "1989"), ("Dun", "990", "1991")),
    (3, 4, 5, 6),
    (0, 1, 2),
)  # fmt: skip
GAMES = Grid(
    ("Date", "Opponent", "Attendance", "First downs"),
    (("2001-03-02", "Blue", "12,000", "9"), ("2001-05-06", "Red", "8,500", "14"), ("2001-04-02", "Red", "9,000", "7")),
    (4, 5, 6),
    (0, 1, 2, 3),
)  # fmt: skip


@pytest.mark.parametrize(
    ("query", "matching"),
    [
        ("Which city has at least 1030 people?", (0, 2)),
        ("Which city has at most 1005 people?", (1, 3)),
        ("Which city has no more than 1005 people?", (1, 3)),
        ("Which city has not more than 1005 people?", (1, 3)),
        ("Which city has not over 1005 people?", (1, 3)),
        ("Which city has up to 1005 people?", (1, 3)),
        ("Which city has not less than 1030 people?", (0, 2)),
        ("Which city has no fewer than 1030 people?", (0, 2)),
        ("Which city was founded before 1990?", (2,)),
        ("Which city was founded until 1990?", (0, 1, 2)),
    ],
)
def test_a_bound_is_no_extreme(query, matching):
    demand = question_demand(query, CITIES)
    assert (demand.kind, demand.extreme_rows, demand.rows) == ("comparison", (), matching)


@pytest.mark.parametrize(
    ("query", "grid", "rows"),
    [
        ("How many inhabitants has the city with the highest population?", CITIES, (2,)),
        ("What was the total attendance at the last game?", GAMES, (1,)),
        ("How many first downs were there in the first game?", GAMES, (0,)),
    ],
)
def test_of_a_sum_over_an_extreme_its_rows_are_demanded(query, grid, rows):
    demand = question_demand(query, grid)
    assert not demand.all_rows
    assert demand.rows == rows


def test_an_extreme_in_the_name_of_a_column_is_no_filter():
    assert question_demand("What is the total of all first downs?", GAMES).all_rows


def test_a_table_without_rows_demands_none():
    demand = question_demand("What is the total?", Grid(("a",), (), (), (0,)))
    assert not demand.all_rows
    assert demand.extreme_rows == ()
