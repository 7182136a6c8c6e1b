"""Tables among the units of a context, so that scorers and policies see rows and columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["MOST_TABLES", "Grid", "column_units", "grid_subset", "largest_grids", "shift_grid"]

# Reading a table takes half a millisecond however small it is: a page of 100,000 one-cell tables would take a minute.
MOST_TABLES = 2000


@dataclass(frozen=True, slots=True)
class Grid:
    """The cells of one table, and which units its rows and columns are.

    A context that holds tables has `grids`, a sequence of these. A table, an HTML page and a JSON array of records all
    give their rows this way, so that one scorer reads all of them.

    Attributes:
        header: A text a column, its levels from the top joined by " / "; "" for a column without one.
        rows: The body, (n_rows, n_columns), each cell as a reader sees it; a cell that spans several is in each.
        row_units: For each row the index of its unit; several rows may share one.
        column_units: For each column the index of its unit; () where columns are not kept or dropped by themselves.
        title: Text above the table that says what it is about: caption, headings; "" without any.

    Raises:
        UsageError: The numbers do not match.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    row_units: tuple[int, ...]
    column_units: tuple[int, ...] = ()
    title: str = ""

    def __post_init__(self) -> None:
        width = len(self.header)
        if len(self.row_units) != len(self.rows):
            raise UsageError(f"{len(self.row_units)} row units do not match {len(self.rows)} rows")
        if self.column_units and len(self.column_units) != width:
            raise UsageError(f"{len(self.column_units)} column units do not match {width} columns")
        ragged = next((index for index, row in enumerate(self.rows) if len(row) != width), None)
        if ragged is not None:
            raise UsageError(f"row {ragged} has {len(self.rows[ragged])} cells, the header {width}", where="grid")


def largest_grids(grids: Sequence[Grid]) -> tuple[Grid, ...]:
    """Those of a context's grids that scorers read as tables, in source order: all, or the `MOST_TABLES` with most
    cells."""
    if len(grids) <= MOST_TABLES:
        return tuple(grids)
    # The largest by cells: what is asked of a page with so many tables is hardly in one of its smallest.
    sizes = [len(grid.rows) * len(grid.header) for grid in grids]
    largest = sorted(range(len(grids)), key=lambda place: -sizes[place])[:MOST_TABLES]
    return tuple(grids[place] for place in sorted(largest))


def column_units(grids: Sequence[Grid]) -> list[int]:
    """The units that are columns of a table, in no order; [] where none are."""
    return [unit for grid in grids for unit in grid.column_units]


def shift_grid(grid: Grid, first: int) -> Grid:
    """The grid with the indices of its units raised by `first`."""
    if not first:
        return grid
    rows = tuple(index + first for index in grid.row_units)
    return replace(grid, row_units=rows, column_units=tuple(index + first for index in grid.column_units))


def grid_subset(grid: Grid, place: Mapping[int, int]) -> Grid:
    """The grid with the rows and columns whose units `place` maps to new indices; all columns where they are none."""
    # A row whose unit is gone goes as a whole; of a column only the cells do, so that the grid stays rectangular.
    rows = [row for row, unit in enumerate(grid.row_units) if unit in place]
    units = grid.column_units
    columns = [column for column in range(len(grid.header)) if not units or units[column] in place]
    return replace(
        grid,
        header=tuple(grid.header[column] for column in columns),
        rows=tuple(tuple(grid.rows[row][column] for column in columns) for row in rows),
        row_units=tuple(place[grid.row_units[row]] for row in rows),
        column_units=tuple(place[units[column]] for column in columns) if units else (),
    )
