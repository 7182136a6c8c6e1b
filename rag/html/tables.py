"""Tables of a page: which are tables of data, and which cell stands where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .elements import CELLS, HEADINGS

if TYPE_CHECKING:
    from .tree import Tree

__all__ = ["Cell", "Row", "Table", "data_tables"]

_MOST_PLACES = 1_000_000  # of one table; beyond it cells count as spanning nothing
_BOLD = re.compile(r"<(?:b|strong)[\s>]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its frame, the row it starts in, its first column, and how many of both it spans."""

    frame: int
    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its frame, and for each column the cell that covers it; None where there is none."""

    frame: int
    cells: tuple[Cell | None, ...]

    @property
    def starts(self) -> tuple[Cell, ...]:
        """The cells that this row shows first, in order, whichever row they start in; each once."""
        return tuple({cell.frame: cell for cell in self.cells if cell is not None}.values())


@dataclass(frozen=True)
class Table:
    """A table of data.

    Attributes:
        frame: Its element.
        caption: Frame of the caption; 0 without one.
        rows: All rows, of the same width where the table is not too large to be filled up.
        head: How many of them, from the top, are headers.
    """

    frame: int
    caption: int
    rows: tuple[Row, ...]
    head: int

    @cached_property
    def places(self) -> dict[int, int]:
        """For the frame of each row its number."""
        return {row.frame: number for number, row in enumerate(self.rows)}

    @cached_property
    def cells(self) -> dict[int, Cell]:
        """The cells by their frames."""
        return {cell.frame: cell for row in self.rows for cell in row.cells if cell is not None}


def data_tables(tree: Tree, sizes: list[int]) -> dict[int, Table]:
    """The tables of data by their frames; `sizes` are the characters of each frame's own runs.

    A table that only places things is none: its role says so, it has a single column or row and no header cell, a cell
    holds a heading, or most of its text stands in tables within. What stands in a table of data is part of its cells.
    """
    parts = _Parts(tree, sizes)
    tables: dict[int, Table] = {}
    for frame in parts.tables:
        if parts.outer[frame] not in tables and parts.is_data(frame):
            table = _table(tree, frame, parts)
            if len(table.rows[0].cells if table.rows else ()) > 1 or table.head:
                tables[frame] = table
    return tables


class _Parts:
    """What belongs to which table, in one pass over the frames."""

    def __init__(self, tree: Tree, sizes: list[int]) -> None:
        self.tree = tree
        self.tables: list[int] = []
        self.rows: dict[int, list[int]] = {}
        self.cells: dict[int, list[int]] = {}
        self.captions: dict[int, int] = {}
        self.outer: dict[int, int] = {0: 0}  # the table around a table
        self.headed: set[int] = set()  # tables with headings in them
        self.own: dict[int, int] = {0: 0}  # characters in a table, without those in tables within
        around = [0] * len(tree.tags)  # the table in which each frame stands; itself for a table
        for frame, tag in enumerate(tree.tags):
            table = around[tree.parents[frame]]
            if tag == "table":
                self.add_table(frame, table)
                table = frame
            elif table:
                self.add(frame, tag, table)
            around[frame] = table
            self.own[table] += sizes[frame]
        self.inner = dict.fromkeys(self.outer, 0)
        for frame in reversed(self.tables):
            self.inner[self.outer[frame]] += self.own[frame] + self.inner[frame]

    def add_table(self, frame: int, outer: int) -> None:
        self.tables.append(frame)
        self.outer[frame], self.rows[frame], self.own[frame] = outer, [], 0

    def add(self, frame: int, tag: str, table: int) -> None:
        if tag == "tr":
            self.rows[table].append(frame)
            self.cells[frame] = []
        elif tag in CELLS:
            self.cells[self.tree.parents[frame]].append(frame)
        elif tag == "caption":
            self.captions.setdefault(table, frame)
        elif tag in HEADINGS:
            self.headed.add(table)

    def is_data(self, frame: int) -> bool:
        """Whether the table is one, as far as the shape of its rows does not speak against it."""
        if frame in self.tree.layout or frame in self.headed or self.inner[frame] > self.own[frame]:
            return False
        rows = self.rows[frame]
        if len(rows) > 1:
            return True
        return any(self.tree.tags[cell] == "th" for row in rows for cell in self.cells[row])


def _table(tree: Tree, frame: int, parts: _Parts) -> Table:
    frames = parts.rows[frame]
    rows = _placed(tree, frames, parts.cells)
    return Table(frame, parts.captions.get(frame, 0), tuple(rows), _head(tree, rows))


def _placed(tree: Tree, frames: list[int], cells: dict[int, list[int]]) -> list[Row]:
    """Where each cell stands, after the standard's algorithm for forming a table."""
    lines = _lines(tree, frames, cells, spanning=True) or _lines(tree, frames, cells, spanning=False) or []
    width = max((max(line, default=-1) + 1 for line in lines), default=0)
    if width * len(frames) > _MOST_PLACES:  # not worth to be filled up
        return [Row(row, tuple(line.values())) for row, line in zip(frames, lines, strict=True)]
    return [Row(row, tuple(map(line.get, range(width)))) for row, line in zip(frames, lines, strict=True)]


def _lines(
    tree: Tree, frames: list[int], cells: dict[int, list[int]], *, spanning: bool
) -> list[dict[int, Cell]] | None:
    """For each row its cells by column; None where cells that span much would fill too many places."""
    ends = _group_ends(tree, frames)
    below: dict[int, Cell] = {}  # the cells that reach down into the next row
    lines: list[dict[int, Cell]] = []
    places = 0
    for number, row in enumerate(frames):
        line, column = below, 0
        for frame in cells[row]:
            while column in line:
                column += 1
            columns, down = tree.cells[frame] if spanning else (1, 1)
            down = min(down or ends[number], ends[number] - number)
            cell = Cell(frame, number, column, down, columns)
            for place in range(column, column + columns):
                line.setdefault(place, cell)
            column += columns
        lines.append(line)
        places += len(line)
        if places > _MOST_PLACES and spanning:
            return None
        below = {place: line[place] for place in sorted(line) if line[place].row + line[place].rows > number + 1}
    return lines


def _group_ends(tree: Tree, frames: list[int]) -> list[int]:
    """For each row the number of the first row after its row group."""
    ends = [len(frames)] * len(frames)
    for number in reversed(range(len(frames) - 1)):
        same = tree.parents[frames[number]] == tree.parents[frames[number + 1]]
        ends[number] = ends[number + 1] if same else number + 1
    return ends


def _head(tree: Tree, rows: list[Row]) -> int:
    """How many rows from the top hold nothing but headers; never all of several rows."""
    head = 0
    while head < len(rows) and _is_head(tree, rows[head]):
        head += 1
    if not head and len(rows) > 1 and _is_bold(tree, rows[0]):
        head = 1
    return head if head < len(rows) else min(head, 1)


def _is_head(tree: Tree, row: Row) -> bool:
    if tree.tags[tree.parents[row.frame]] == "thead":
        return True
    return bool(row.starts) and all(tree.tags[cell.frame] == "th" for cell in row.starts)


def _is_bold(tree: Tree, row: Row) -> bool:
    """Whether each cell is written in bold, the way to write a header of those who do not know th."""
    spans = [tree.span(cell.frame) for cell in row.starts]
    return len(spans) > 1 and all(_BOLD.search(tree.source, *span) for span in spans)
