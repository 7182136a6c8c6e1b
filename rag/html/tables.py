"""Tables of a page: which are tables of data, and which cell stands where."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from .elements import CAPTION, CELL, HEADER, HEADING, ROW, TABLE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .frames import Frames
    from .tree import Tree

__all__ = ["Cell", "Table", "data_tables", "spans_of"]

_MOST_PLACES = 1_000_000  # of one table; beyond it cells count as spanning nothing
_MOST_COLUMNS, _MOST_ROWS = 1000, 65534  # of one cell, by the standard
_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
_BOLD = re.compile(r"<(?:b|strong)[\s>]", re.IGNORECASE)


class Cell(NamedTuple):
    """A cell: its frame, the row it starts in, its first column, and how many of both it spans."""

    frame: int
    row: int
    column: int
    rows: int
    columns: int


class _Cells:
    """The cells of a page by the rows in which they start."""

    def __init__(self, cells: NDArray[np.intp], parents: NDArray[np.int64]) -> None:
        order = np.argsort(parents[cells], kind="stable")
        self._cells: list[int] = cells[order].tolist()
        self._rows = parents[cells][order]

    def by_row(self, rows: list[int]) -> list[list[int]]:
        """For each row its cells in order."""
        starts, ends = (np.searchsorted(self._rows, rows, side).tolist() for side in _SIDES)
        return [self._cells[start:end] for start, end in zip(starts, ends, strict=True)]


@dataclass(frozen=True)
class Table:
    """A table of data.

    Attributes:
        tree: The tree.
        frame: Its element.
        caption: Frame of the caption; 0 without one.
        row_frames: Its rows in order.
        head: How many of these, from the top, are headers.
    """

    tree: Tree
    frame: int
    caption: int
    row_frames: list[int]
    head: int
    _cells: _Cells

    @cached_property
    def cells_by_row(self) -> list[list[int]]:
        """For each row the frames of the cells that start in it."""
        return self._cells.by_row(self.row_frames)

    @cached_property
    def places(self) -> dict[int, int]:
        """For the frame of each row its number."""
        return {row: number for number, row in enumerate(self.row_frames)}

    @cached_property
    def rows(self) -> tuple[tuple[Cell | None, ...], ...]:
        """For each row and column the cell that covers it; None where there is none.

        All rows are of the same width, where the table is not too large to be filled up.
        """
        if not self.has_spans:
            return self._plain_rows()
        lines = self._lines(spanning=True) or self._lines(spanning=False) or []
        width = max((max(line, default=-1) + 1 for line in lines), default=0)
        if width * len(lines) > _MOST_PLACES:
            return tuple(tuple(line.values()) for line in lines)
        return tuple(tuple(map(line.get, range(width))) for line in lines)

    def _plain_rows(self) -> tuple[tuple[Cell | None, ...], ...]:
        """`rows` where each cell covers one place: what most large tables are, without a dict for each row."""
        lines = [
            tuple([Cell._make((frame, row, column, 1, 1)) for column, frame in enumerate(cells)])
            for row, cells in enumerate(self.cells_by_row)
        ]
        width = max(map(len, lines), default=0)
        if width * len(lines) > _MOST_PLACES:
            return tuple(lines)
        return tuple(line if len(line) == width else line + (None,) * (width - len(line)) for line in lines)

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
                columns, down = spans_of(self.tree, frame) if spanning else (1, 1)
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

    @cached_property
    def has_spans(self) -> bool:
        """Whether any cell says that it spans several rows or columns."""
        spans = self.tree.spans
        return bool(spans) and any(cell in spans for cells in self.cells_by_row for cell in cells)

    @cached_property
    def has_rowspans(self) -> bool:
        """Whether any cell may reach into another row."""
        spans = self.tree.spans
        return bool(spans) and any(
            spans[cell][1] != 1 for cells in self.cells_by_row for cell in cells if cell in spans
        )


def spans_of(tree: Tree, frame: int) -> tuple[int, int]:
    """The colspan and rowspan of a cell; a rowspan of 0 reaches to the end of the row group."""
    columns, rows = tree.spans.get(frame, (1, 1))
    return min(max(columns, 1), _MOST_COLUMNS), min(rows, _MOST_ROWS)


def data_tables(boxes: Frames) -> dict[int, Table]:
    """The tables of data by their frames.

    A table that only places things is none: its role says so, it has one column or row only and no header cell, a cell
    holds a heading, or most of its text stands in tables within. What stands in a table of data is part of its cells.
    """
    tree, parents = boxes.tree, boxes.parents
    frames = np.flatnonzero(boxes.is_kind(TABLE)).tolist()
    if not frames:
        return {}
    around = boxes.table
    cells = np.flatnonzero(boxes.is_kind(CELL))
    rows = _by_table(np.flatnonzero(boxes.is_kind(ROW)), around)
    captions = {int(around[caption]): int(caption) for caption in np.flatnonzero(boxes.is_kind(CAPTION))[::-1]}
    count = len(tree.tags)
    widths = np.bincount(parents[cells], minlength=count)
    headers = np.bincount(parents[cells[boxes.is_kind(HEADER)[cells]]], minlength=count)
    in_head = np.asarray([tree.tags[parent] == "thead" for parent in tree.parents]) if "thead" in tree.tags else False
    is_head = (in_head | (headers == widths)) & (widths > 0)
    placing = _placing(boxes, frames)
    by_row = _Cells(cells, parents)
    tables: dict[int, Table] = {}
    for frame in frames:
        own = rows.get(frame, [])
        if frame in placing or _is_within(int(around[tree.parents[frame]]), around, tree, tables):
            continue
        if headers[own].any() or (len(own) > 1 and widths[own].max() > 1):
            head = _head(is_head[own]) or int(len(own) > 1 and _is_bold(tree, by_row.by_row(own[:1])[0]))
            tables[frame] = Table(tree, frame, captions.get(frame, 0), own, head, by_row)
    return tables


def _placing(boxes: Frames, frames: list[int]) -> set[int]:
    """Tables that say they are none, that have headings within, or most of their text in tables within."""
    tree, around = boxes.tree, boxes.table
    own = np.bincount(around[boxes.runs], weights=boxes.sizes, minlength=len(tree.tags)).tolist()
    inner = dict.fromkeys((0, *frames), 0.0)
    for frame in reversed(frames):
        inner[int(around[tree.parents[frame]])] += own[frame] + inner[frame]
    headed = set(around[np.flatnonzero(boxes.is_kind(HEADING))].tolist())
    return tree.layout | headed | {frame for frame in frames if inner[frame] > own[frame]}


def _is_within(table: int, around: NDArray[np.int64], tree: Tree, tables: dict[int, Table]) -> bool:
    """Whether a table is one of data or stands in one."""
    while table and table not in tables:
        table = int(around[tree.parents[table]])
    return table != 0


def _by_table(rows: NDArray[np.intp], around: NDArray[np.int64]) -> dict[int, list[int]]:
    """The rows of each table."""
    found: dict[int, list[int]] = {}
    for row, table in zip(rows.tolist(), around[rows].tolist(), strict=True):
        found.setdefault(table, []).append(row)
    return found


def _head(is_head: NDArray[np.bool_]) -> int:
    """How many rows from the top hold nothing but headers; of several rows not all of them."""
    head = int(np.argmin(is_head)) if not is_head.all() else len(is_head)
    return head if head < len(is_head) else min(head, 1)


def _is_bold(tree: Tree, cells: list[int]) -> bool:
    """Whether each cell is written in bold, the way to write a header of those who do not know th."""
    return len(cells) > 1 and all(_BOLD.search(tree.source, *tree.span(cell)) for cell in cells)
