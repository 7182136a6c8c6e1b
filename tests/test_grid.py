from __future__ import annotations

import pytest

from ctxprune.context.grid import Grid, grid_subset
from ctxprune.errors import UsageError
from ctxprune.rag import Passage


def test_a_grid_says_which_unit_each_row_and_column_is():
    grid = Grid(("Year", "City"), (("1900", "Paris"), ("1904", "St. Louis")), (3, 4), (1, 2), "Olympics")
    assert (grid.rows[1][1], grid.row_units[1], grid.column_units[1]) == ("St. Louis", 4, 2)


@pytest.mark.parametrize(
    "arguments",
    [
        (("A",), (("1",),), ()),
        (("A", "B"), (("1",),), (0,)),
        (("A",), (("1",),), (0,), (1, 2)),
    ],
)
def test_numbers_that_do_not_match_are_refused(arguments):
    with pytest.raises(UsageError):
        Grid(*arguments)


def test_a_context_without_tables_has_none():
    assert Passage("One. Two.").grids == ()


def test_a_part_of_a_grid_has_the_units_that_are_left():
    grid = Grid(("Year", "City"), (("1900", "Paris"), ("1904", "St. Louis")), (2, 3), (0, 1), "Olympics")
    assert grid_subset(grid, {1: 0, 3: 1}) == Grid(("City",), (("St. Louis",),), (1,), (0,), "Olympics")
    rows = Grid(("Year", "City"), grid.rows, (2, 3))
    assert grid_subset(rows, {3: 0}) == Grid(("Year", "City"), (("1904", "St. Louis"),), (0,))
