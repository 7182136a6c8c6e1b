"""The tables of a page as grids of texts, for scorers that read tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.context.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .groups import Group
    from .outline import Outline
    from .reading import Reading
    from .tables import Table

__all__ = ["grids"]


def grids(outline: Outline, reading: Reading, groups: Sequence[Group], *, columns: bool = False) -> dict[int, Grid]:
    """The tables of data that have rows, in order, by their frames; but those too large to be filled up.

    A row without text of its own is left out. A row that makes several units counts as the first of them. If `columns`,
    the columns of all tables are the units after those of the groups.
    """
    units: dict[int, int] = {}
    for number, group in enumerate(groups):
        if group.kind == "row":
            units.setdefault(group.frame, number)
    found: dict[int, Grid] = {}
    first = len(groups)
    for table in outline.tables.values():
        body = [row for row, frame in enumerate(table.row_frames) if frame in units and row >= table.head]
        if body and len({len(row) for row in table.rows}) == 1:
            rows = tuple(_texts(table, row, reading) for row in body)
            numbers = tuple(units[table.row_frames[row]] for row in body)
            width = len(table.rows[0]) if columns else 0
            title = _title(numbers[0], reading, groups)
            found[table.frame] = Grid(_header(table, reading), rows, numbers, tuple(range(first, first + width)), title)
            first += width
    return found


def _texts(table: Table, row: int, reading: Reading) -> tuple[str, ...]:
    return tuple("" if cell is None else reading.cells.get(cell.frame, "") for cell in table.rows[row])


def _header(table: Table, reading: Reading) -> tuple[str, ...]:
    """For each column its header cells from the top, each once."""
    columns = zip(*(_texts(table, row, reading) for row in range(table.head)), strict=True)
    names = tuple(" / ".join(dict.fromkeys(filter(None, column))) for column in columns)
    return names or ("",) * len(table.rows[0])


def _title(unit: int, reading: Reading, groups: Sequence[Group]) -> str:
    """Headings and caption above the unit of a row, from the top."""
    texts = []
    above = groups[unit].parent
    while above is not None:
        if groups[above].kind != "header":
            texts.append(reading.text(groups[above]))
        above = groups[above].parent
    return " / ".join(reversed(texts))
