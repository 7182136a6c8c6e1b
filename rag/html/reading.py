"""The units of a page as a reader sees them: text and place."""

from __future__ import annotations

from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from .leaves import plain, span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .groups import Group
    from .outline import Outline
    from .tables import Table

__all__ = ["Reading"]

_ELEMENTS = frozenset({"caption", "code", "heading", "row"})  # kinds of groups that are an element, if not cut
_MOST_REPEATED = 200  # characters of a cell that is read in each row it spans


class Reading:
    """Texts and spans of groups of runs, and texts of cells."""

    def __init__(self, outline: Outline) -> None:
        self.outline, self.tree = outline, outline.tree

    def text(self, group: Group) -> str:
        """The text of a unit; its blocks stand on lines of their own, the cells of a row between bars.

        A cell from an earlier row that reaches into this one is read with it, if it is short.
        """
        if group.part is not None:
            preformatted = bool(self.outline.preformatted[self.tree.run_frames[group.first]])
            return plain(self.tree, group.part, preformatted=preformatted)
        if group.kind == "row":
            table = self.outline.tables_by_row[group.frame]
            if table.has_rowspans and self.is_whole(group):
                return " | ".join(filter(None, self.row(table, table.places[group.frame])))
            return self.cells_text(group.first, group.last)
        if group.kind == "header":
            rows = groupby(range(group.first, group.last), self.row_of)
            return "\n".join(self.cells_text(first, first + 1 + len(list(runs))) for _, (first, *runs) in rows)
        return "\n".join(self.runs[group.first : group.last])

    def row_of(self, run: int) -> int:
        """The row of the cell in which a run stands."""
        return self.tree.parents[self.outline.cells[run]]

    def cells_text(self, first: int, last: int) -> str:
        """Runs [first, last), those of each cell between bars."""
        runs, cells = self.runs, self.outline.cells
        texts = [runs[first]]
        for number in range(first + 1, last):
            texts.append(" | " if cells[number] != cells[number - 1] else "\n")
            texts.append(runs[number])
        return "".join(texts)

    def row(self, table: Table, row: int) -> list[str]:
        """The text of each cell that a row shows, in order; "" for an empty one."""
        texts = []
        for cell in table.shown(row):
            text = self.cells.get(cell.frame, "")
            texts.append(text if cell.row == row or len(text) <= _MOST_REPEATED else "")
        return texts

    @cached_property
    def runs(self) -> list[str]:
        """The text of each run."""
        tree, data = self.tree, self.tree.data
        marks = np.asarray(sorted(tree.marks), dtype=np.int64)
        marked = np.searchsorted(marks, tree.run_firsts) != np.searchsorted(marks, tree.run_lasts)
        preformatted = self.outline.preformatted[self.outline.runs] > 0
        texts = []
        for number, odd in enumerate((marked | preformatted).tolist()):
            if odd:
                texts.append(plain(tree, self.outline.part(number), preformatted=bool(preformatted[number])))
            else:
                texts.append(" ".join("".join(data[tree.run_firsts[number] : tree.run_lasts[number]]).split()))
        return texts

    @cached_property
    def cells(self) -> dict[int, str]:
        """The texts of all cells that have any, by their frames; their blocks stand on lines of their own."""
        found: dict[int, list[str]] = {}
        for cell, text in zip(self.outline.cells, self.runs, strict=True):
            if cell:
                found.setdefault(cell, []).append(text)
        return {cell: "\n".join(texts) for cell, texts in found.items()}

    def is_whole(self, group: Group) -> bool:
        """Whether the group holds all text in its frame: of a row all that starts in it."""
        return group.part is None and self.outline.runs_within(group.frame) == (group.first, group.last - 1)

    def span(self, group: Group) -> tuple[int, int]:
        """Characters of a unit in the source: whole elements with their tags, else from its first text to its last."""
        if group.part is not None:
            return span(self.tree, group.part)
        if group.kind in _ELEMENTS and self.is_whole(group):
            return self.tree.span(group.frame)
        starts = [self.tree.span(frame)[0] for frame in self.filled(group, group.first)]
        ends = [self.tree.span(frame)[1] for frame in self.filled(group, group.last - 1)]
        start = starts[-1] if starts else span(self.tree, self.outline.part(group.first))[0]
        return start, ends[-1] if ends else span(self.tree, self.outline.part(group.last - 1))[1]

    def filled(self, group: Group, run: int) -> Iterator[int]:
        """The elements around a run, from within, of which the group holds everything, up to its frame."""
        frame = self.tree.run_frames[run]
        while frame and frame != group.frame:
            first, last = self.outline.runs_within(frame)
            if first < group.first or last >= group.last:
                return
            yield frame
            frame = self.tree.parents[frame]
