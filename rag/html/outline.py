"""What the boxes of a page mean to each other: owners, lists, tables."""

from __future__ import annotations

from functools import cached_property
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from .elements import CAPTION, CELL, HEADING, ITEM, LIST, OWNER, PRE
from .frames import Frames, nearest
from .leaves import Part
from .tables import Table, data_tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .tree import Tree

__all__ = ["Outline"]


class Outline(Frames):
    """What the frames and runs mean to each other, with the tables of data; arrays by frame or run.

    Attributes:
        tables: The tables of data by frame.
        cell: For each frame the cell or caption of a table of data in which it stands, or itself; 0 for none.
        owner: For each frame the nearest around, or itself, that is written as an element: heading, list item,
            quotation, code, cell or caption of a table of data; 0 for the body.
        listed: For each frame the nearest list around, or itself, within the same cell; 0 for none.
    """

    def __init__(self, tree: Tree) -> None:
        super().__init__(tree)
        self.tables = data_tables(self)
        is_data = np.zeros(len(tree.tags), dtype=np.bool_)
        is_data[list(self.tables)] = True
        celled = self.is_kind(CELL) & is_data[self.table]
        celled[[table.caption for table in self.tables.values() if table.caption]] = True
        self.cell = nearest(self.parents, celled)
        self.owner = nearest(self.parents, celled | self.is_kind(OWNER))
        listed = nearest(self.parents, self.is_kind(LIST | CELL | CAPTION))
        self.listed = np.where(self.is_kind(LIST)[listed], listed, 0)

    @cached_property
    def preformatted(self) -> NDArray[np.int64]:
        """For each frame the element around, or itself, in which white space counts; 0 for none."""
        return nearest(self.parents, self.is_kind(PRE))

    @cached_property
    def heading(self) -> NDArray[np.int64]:
        """For each frame the heading that owns it, outside of tables of data; 0 for none."""
        return np.where(self.is_kind(HEADING)[self.owner] & (self.cell == 0), self.owner, 0)

    @cached_property
    def box(self) -> NDArray[np.int64]:
        """For each frame that of which it is a part as far as neighbours are joined.

        In a list the outermost list, else the frame itself if it has blocks within or is a landmark, else the frame
        around it.
        """
        outer = np.where(self.listed > 0, self.listed, np.arange(len(self.kinds)))
        above = self.listed[self.parents[outer]]
        outer = np.where((self.listed > 0) & (above > 0), above, outer)
        while (further := outer[outer]).tolist() != outer.tolist():
            outer = further
        parted = np.zeros(len(self.kinds), dtype=np.bool_)
        parted[self.parents] = True
        parted[list(self.tree.landmarks)] = True
        return np.where(self.listed > 0, outer, np.where(parted, np.arange(len(parted)), self.parents))

    @cached_property
    def owners(self) -> list[int]:
        """For each run the element that owns it."""
        found: list[int] = self.owner[self.runs].tolist()
        return found

    @cached_property
    def preformatted_runs(self) -> bytes:
        """For each run 1 where white space counts, else 0; of a numpy array an item takes ten times as long."""
        return (self.preformatted[self.runs] > 0).tobytes()

    @cached_property
    def cells(self) -> list[int]:
        """For each run the cell or caption of a table of data in which it stands; 0 for none."""
        found: list[int] = self.cell[self.runs].tolist()
        return found

    @cached_property
    def run_tables(self) -> list[int]:
        """For each run the table of data in which it stands; 0 for none."""
        cells = self.cell[self.runs]
        found: list[int] = np.where(cells > 0, self.table[cells], 0).tolist()
        return found

    def table_of(self, frame: int) -> Table:
        """The table of data in which a cell or caption stands."""
        while frame not in self.tables:
            frame = self.tree.parents[frame]
        return self.tables[frame]

    @cached_property
    def tables_by_row(self) -> dict[int, Table]:
        """The table of data of each row."""
        return {row: table for table in self.tables.values() for row in table.row_frames}

    @cached_property
    def above(self) -> list[int]:
        """For each frame the next element outside that may be written: the list of an item, else the nearest owner; 0
        for none."""
        found: list[int] = np.where(self._is_listed, self.listed, self.owner[self.parents]).tolist()
        return found

    @cached_property
    def listed_items(self) -> bytes:
        """For each frame 1 for an item of a list, else 0."""
        return self._is_listed.tobytes()

    @cached_property
    def _is_listed(self) -> NDArray[np.bool_]:
        return self.is_kind(ITEM) & (self.listed > 0)

    def above_table(self, table: int) -> int:
        """The element that owns a table of data; 0 for none."""
        return int(self.owner[self.tree.parents[table]])

    def runs_within(self, frame: int) -> tuple[int, int]:
        """Numbers of the first and the last run in the element; the first is the larger where there is none."""
        return self._bounds[0][frame], self._bounds[1][frame]

    def parts_within(self, frame: int) -> list[Part]:
        """All of the element's text."""
        first, last = self.runs_within(frame)
        return self.parts(first, last + 1)

    def parts(self, first: int, last: int) -> list[Part]:
        """Whole runs [first, last)."""
        tree = self.tree
        ends = zip(
            range(first, last), tree.run_firsts[first:last], tree.run_lasts[first:last], repeat(None), repeat(None)
        )
        return [*map(Part._make, ends)]

    def part(self, number: int) -> Part:
        """A whole run."""
        return Part(number, self.tree.run_firsts[number], self.tree.run_lasts[number])

    @cached_property
    def _bounds(self) -> tuple[list[int], list[int]]:
        """For each frame the first run within and the last; runs and frames are in the order of their tokens."""
        tree = self.tree
        places = [tree.tokens[first] for first in tree.run_firsts]
        first, end = (np.searchsorted(places, tokens).tolist() for tokens in (tree.starts, tree.ends))
        return first, [number - 1 for number in end]
