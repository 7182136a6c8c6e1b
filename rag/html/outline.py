"""What the boxes of a page mean to each other: owners, lists, tables, headings above."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .elements import CELLS, HEADINGS, ITEMS, LISTS
from .leaves import Part
from .tables import Table, data_tables

if TYPE_CHECKING:
    from .tree import Tree

__all__ = ["Outline"]

_OWNERS = frozenset({"blockquote", "dd", "dt", "li", "listing", "plaintext", "pre", "xmp"}).union(HEADINGS)
_PRE = frozenset({"listing", "plaintext", "pre", "xmp"})


class Outline:
    """Facts about the frames of one tree, each a list by frame, made in one pass.

    Attributes:
        tree: The tree.
        tables: Its tables of data by frame.
        owner: The nearest frame around, or itself, that is written as an element: heading, list item, quotation, code,
            cell or caption of a table of data; 0 for the body.
        listed: The nearest list around that has the frame among its items; 0 for none.
        cell: The cell or caption of a table of data in which the frame stands; 0 for none.
        box: The frame of which the frame is a part as far as neighbours are joined: its parent, or itself where it has
            blocks within; the outermost list for what stands in lists.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        count = len(tree.tags)
        self.tables = data_tables(tree, self._sizes())
        self.owner, self.listed, self.cell = [0] * count, [0] * count, [0] * count
        self.box, self.preformatted = [0] * count, [False] * count
        parted = set(tree.parents)
        row_cells = {cell for table in self.tables.values() for cell in table.cells}
        captions = {table.caption for table in self.tables.values()} - {0}
        for frame in range(1, count):
            tag, parent = tree.tags[frame], tree.parents[frame]
            celled = frame in row_cells or frame in captions
            self.cell[frame] = frame if celled else self.cell[parent]
            self.owner[frame] = frame if celled or tag in _OWNERS else self.owner[parent]
            self.preformatted[frame] = tag in _PRE or self.preformatted[parent]
            listed = self.listed[parent]
            self.listed[frame] = frame if tag in LISTS else 0 if celled or tag in CELLS else listed
            if listed and self.box[parent] and self.listed[frame]:
                self.box[frame] = self.box[parent]
            else:
                self.box[frame] = frame if frame in parted or tag in LISTS else parent

    def _sizes(self) -> list[int]:
        """Characters of the runs that stand directly in each frame."""
        data, sizes = self.tree.data, [0] * len(self.tree.tags)
        for frame, first, last in self.tree.runs:
            sizes[frame] += sum(map(len, data[first:last]))
        return sizes

    def table_of(self, frame: int) -> Table | None:
        """The table of data in which the frame stands, as a cell, a caption or within one."""
        cell = self.cell[frame]
        if not cell:
            return None
        parents, tables = self.tree.parents, self.tables
        while cell not in tables:
            cell = parents[cell]
        return tables[cell]

    def row_of(self, frame: int) -> int:
        """The number of the row in which the frame stands, if it stands in a cell; -1 in a caption."""
        table = self.table_of(frame)
        cell = self.cell[frame]
        return -1 if table is None or cell == table.caption else table.places[self.tree.parents[cell]]

    @cached_property
    def tables_by_row(self) -> dict[int, Table]:
        """The table of data of each row."""
        return {row.frame: table for table in self.tables.values() for row in table.rows}

    def runs_within(self, frame: int) -> tuple[int, int]:
        """Numbers of the first and the last run in the element; the first is the larger where there is none."""
        return self._bounds[0][frame], self._bounds[1][frame]

    def parts_within(self, frame: int) -> list[Part]:
        """All of the element's text."""
        first, last = self.runs_within(frame)
        runs = self.tree.runs
        return [Part(number, runs[number].first, runs[number].last) for number in range(first, last + 1)]

    def above(self, frame: int) -> int:
        """The next element outside that may be written: the list of an item, else the nearest owner; 0 for none."""
        if self.tree.tags[frame] in ITEMS and self.listed[frame]:
            return self.listed[frame]
        return self.owner[self.tree.parents[frame]]

    @cached_property
    def _bounds(self) -> tuple[list[int], list[int]]:
        count = len(self.tree.tags)
        first, last = [len(self.tree.runs)] * count, [-1] * count
        for number, run in enumerate(self.tree.runs):
            first[run.frame] = min(first[run.frame], number)
            last[run.frame] = number
        for frame in range(count - 1, 0, -1):
            parent = self.tree.parents[frame]
            first[parent] = min(first[parent], first[frame])
            last[parent] = max(last[parent], last[frame])
        return first, last

    @cached_property
    def landmarks(self) -> list[str]:
        """For each frame the innermost landmark around it; "" for none."""
        found = [""] * len(self.tree.tags)
        for frame in range(1, len(found)):
            found[frame] = self.tree.landmarks.get(frame) or found[self.tree.parents[frame]]
        return found

    def level(self, frame: int) -> int:
        """1 to 6 for a frame in a heading outside tables of data, else 0."""
        return HEADINGS.get(self.tree.tags[self.owner[frame]], 0) if not self.cell[frame] else 0
