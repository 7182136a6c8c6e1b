"""Tables of a page: which are tables of data, and which cell stands where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .attributes import number, value_spans
from .elements import CAPTION, CELL, HEADING, ROW, TABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .outline import Outline
    from .tree import Tree

__all__ = ["Cell", "Table", "data_tables"]

_MOST_PLACES = 1_000_000  # of one table; beyond it cells count as spanning nothing
_MOST_COLUMNS, _MOST_ROWS = 1000, 65534  # of one cell, by the standard
_BOLD = re.compile(r"<(?:b|strong)[\s>]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell: its frame, the row it starts in, its first column, and how many of both it spans."""

    frame: int
    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True)
class Table:
    """A table of data.

    Attributes:
        tree: The tree.
        frame: Its element.
        caption: Frame of the caption; 0 without one.
        row_frames: Its rows in order.
        cells_by_row: For each row the cells that start in it.
        head: How many rows, from the top, are headers.
    """

    tree: Tree
    frame: int
    caption: int
    row_frames: list[int]
    cells_by_row: list[list[int]]
    head: int

    @property
    def cell_frames(self) -> list[int]:
        """All cells."""
        return [cell for cells in self.cells_by_row for cell in cells]

    @cached_property
    def places(self) -> dict[int, int]:
        """For the frame of each row its number."""
        return {row: number for number, row in enumerate(self.row_frames)}

    @cached_property
    def rows(self) -> tuple[tuple[Cell | None, ...], ...]:
        """For each row and column the cell that covers it; None where there is none.

        All rows are of the same width, where the table is not too large to be filled up.
        """
        lines = self._lines(spanning=True) or self._lines(spanning=False) or []
        width = max((max(line, default=-1) + 1 for line in lines), default=0)
        if width * len(lines) > _MOST_PLACES:
            return tuple(tuple(line.values()) for line in lines)
        return tuple(tuple(map(line.get, range(width))) for line in lines)

    def shown(self, row: int) -> list[Cell]:
        """The cells that cover places of a row, in order, each once."""
        return list({cell.frame: cell for cell in self.rows[row] if cell is not None}.values())

    @cached_property
    def cells(self) -> dict[int, Cell]:
        """The cells by their frames."""
        return {cell.frame: cell for row in self.rows for cell in row if cell is not None}

    def _lines(self, *, spanning: bool) -> list[dict[int, Cell]] | None:
        """For each row its cells by column, after the standard's algorithm for forming a table.

        None where cells that span much would fill too many places.
        """
        ends = self._group_ends()
        below: dict[int, Cell] = {}  # the cells that reach down into the next row
        lines: list[dict[int, Cell]] = []
        places = 0
        for row, cells in enumerate(self.cells_by_row):
            line, column = below, 0
            for frame in cells:
                while column in line:
                    column += 1
                columns, down = self._spans(frame) if spanning else (1, 1)
                down = min(down or ends[row], ends[row] - row)
                cell = Cell(frame, row, column, down, columns)
                for place in range(column, column + columns):
                    line.setdefault(place, cell)
                column += columns
            lines.append(line)
            places += len(line)
            if places > _MOST_PLACES and spanning:
                return None
            below = {place: line[place] for place in sorted(line) if line[place].row + line[place].rows > row + 1}
        return lines

    def _group_ends(self) -> list[int]:
        """For each row the number of the first row after its row group."""
        frames, parents = self.row_frames, self.tree.parents
        ends = [len(frames)] * len(frames)
        for row in reversed(range(len(frames) - 1)):
            same = parents[frames[row]] == parents[frames[row + 1]]
            ends[row] = ends[row + 1] if same else row + 1
        return ends

    def _spans(self, frame: int) -> tuple[int, int]:
        """The colspan and rowspan of a cell; a rowspan of 0 reaches to the end of the row group."""
        tree = self.tree
        start, end = (tree.offsets[tree.starts[frame] + after] for after in (0, 1))
        if "span" not in tree.source[start:end].lower():
            return 1, 1
        spans = value_spans(tree.source, start)
        columns, rows = (
            number(tree.source[slice(*spans[name])], 1) if name in spans else 1 for name in ("colspan", "rowspan")
        )
        return min(max(columns, 1), _MOST_COLUMNS), min(rows, _MOST_ROWS)


def data_tables(outline: Outline) -> dict[int, Table]:
    """The tables of data by their frames.

    A table that only places things is none: its role says so, it has one column or row only and no header cell, a cell
    holds a heading, or most of its text stands in tables within. What stands in a table of data is part of its cells.
    """
    tree, kinds = outline.tree, outline.kinds
    frames = np.flatnonzero(kinds & TABLE).tolist()
    if not frames:
        return {}
    from .outline import nearest

    around = nearest(outline.parents, (kinds & TABLE) != 0)
    count = len(kinds)
    own = np.bincount(around[outline.runs], weights=outline.sizes, minlength=count)
    with_headings = set(around[np.flatnonzero(kinds & HEADING)].tolist())
    captions = {int(around[caption]): int(caption) for caption in np.flatnonzero(kinds & CAPTION)[::-1]}
    outer = {frame: int(around[tree.parents[frame]]) for frame in frames}
    inner = dict.fromkeys((0, *frames), 0.0)
    for frame in reversed(frames):
        inner[outer[frame]] += own[frame] + inner[frame]
    rows = _members(np.flatnonzero(kinds & ROW), around)
    cells = _members(np.flatnonzero(kinds & CELL), outline.parents)
    tables: dict[int, Table] = {}
    for frame in frames:
        placing = frame in tree.layout or frame in with_headings or inner[frame] > own[frame]
        if not placing and not _is_within(outer[frame], outer, tables):
            own_rows = rows.get(frame, [])
            cells_by_row = [cells.get(row, []) for row in own_rows]
            head = _head(tree, own_rows, cells_by_row)
            headed = head or any(tree.tags[cell] == "th" for own_cells in cells_by_row for cell in own_cells)
            if headed or (len(own_rows) > 1 and max(map(len, cells_by_row)) > 1):
                tables[frame] = Table(tree, frame, captions.get(frame, 0), own_rows, cells_by_row, head)
    return tables


def _is_within(table: int, outer: dict[int, int], tables: dict[int, Table]) -> bool:
    """Whether a table is one of data or stands in one."""
    while table and table not in tables:
        table = outer[table]
    return table != 0


def _members(frames: NDArray[np.intp], around: NDArray[np.int64]) -> dict[int, list[int]]:
    """The frames by what is around them."""
    found: dict[int, list[int]] = {}
    for frame, place in zip(frames.tolist(), around[frames].tolist(), strict=True):
        found.setdefault(place, []).append(frame)
    return found


def _head(tree: Tree, rows: list[int], cells: list[list[int]]) -> int:
    """How many rows from the top hold nothing but headers; of several rows not all of them."""
    head = 0
    while head < len(rows) and _is_head(tree, rows[head], cells[head]):
        head += 1
    if not head and len(rows) > 1 and _is_bold(tree, cells[0]):
        return 1
    return head if head < len(rows) else min(head, 1)


def _is_head(tree: Tree, row: int, cells: list[int]) -> bool:
    if tree.tags[tree.parents[row]] == "thead":
        return True
    return bool(cells) and all(tree.tags[cell] == "th" for cell in cells)


def _is_bold(tree: Tree, cells: list[int]) -> bool:
    """Whether each cell is written in bold, the way to write a header of those who do not know th."""
    return len(cells) > 1 and all(_BOLD.search(tree.source, *tree.span(cell)) for cell in cells)
