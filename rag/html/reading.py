"""The units of a page as a reader sees them: text and place."""

from __future__ import annotations

from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from .leaves import Part, plain, span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .groups import Group
    from .outline import Outline
    from .tables import Table

__all__ = ["Reading"]

_WITHIN = frozenset({"header", "item", "text"})  # kinds of groups that stand within their frame, not for it

_MOST_REPEATED = 200  # characters of a cell that is read in each row it spans


class Reading:
    """Texts and spans of groups of parts, and texts of cells."""

    def __init__(self, outline: Outline) -> None:
        self.outline, self.tree = outline, outline.tree

    def text(self, group: Group) -> str:
        """The text of a unit; its blocks stand on lines of their own, the cells of a row between bars.

        A cell from an earlier row that reaches into this one is read with it, if it is short.
        """
        if group.kind == "row" and self.is_whole_row(group):
            table = self.outline.tables_by_row[group.frame]
            return " | ".join(filter(None, self.row(table, table.places[group.frame])))
        parts = group.parts(self.outline)
        if group.kind in ("row", "header"):
            return self.rows(parts)
        return "\n".join(filter(None, map(self.part, parts)))

    def part(self, part: Part) -> str:
        """The text of a part."""
        return plain(self.tree, part, preformatted=self.preformatted[part.run])

    @cached_property
    def preformatted(self) -> list[bool]:
        """For each run whether white space counts in it."""
        found: list[bool] = (self.outline.preformatted[self.outline.runs] > 0).tolist()
        return found

    def rows(self, parts: Iterable[Part]) -> str:
        """Rows on lines, cells between bars, of which only the parts are read."""
        parents = self.tree.parents

        def cell_of(part: Part) -> int:
            return self.outline.cells[part.run]

        lines = []
        for _, row in groupby(parts, key=lambda part: parents[cell_of(part)]):
            cells = (" ".join(map(self.part, inside)) for _, inside in groupby(row, key=cell_of))
            lines.append(" | ".join(cells))
        return "\n".join(lines)

    def row(self, table: Table, row: int) -> list[str]:
        """The text of each cell that a row shows, in order; "" for an empty one."""
        texts = []
        for cell in table.shown(row):
            text = self.cells.get(cell.frame, "")
            texts.append(text if cell.row == row or len(text) <= _MOST_REPEATED else "")
        return texts

    @cached_property
    def cells(self) -> dict[int, str]:
        """The texts of all cells that have any, by their frames; their blocks stand on lines of their own."""
        found: dict[int, list[str]] = {}
        for number, cell in enumerate(self.outline.cells):
            if cell:
                found.setdefault(cell, []).append(self.part(self.outline.part(number)))
        return {cell: "\n".join(texts) for cell, texts in found.items()}

    def is_whole_row(self, group: Group) -> bool:
        """Whether the group holds all that starts in its row."""
        return group.part is None and self.outline.runs_within(group.frame) == (group.first, group.last - 1)

    def span(self, group: Group) -> tuple[int, int]:
        """Characters of a unit in the source: whole elements with their tags, else from its first text to its last."""
        if group.part is not None:
            return span(self.tree, group.part)
        start = span(self.tree, self.outline.part(group.first))[0]
        end = span(self.tree, self.outline.part(group.last - 1))[1]
        for frame in self.filled(group, group.first):
            start = self.tree.span(frame)[0]
        for frame in self.filled(group, group.last - 1):
            end = self.tree.span(frame)[1]
        return start, end

    def filled(self, group: Group, run: int) -> Iterator[int]:
        """The elements around a run, from within, of which the group holds everything."""
        frame = self.tree.run_frames[run]
        while frame and (frame != group.frame or group.kind not in _WITHIN):
            first, last = self.outline.runs_within(frame)
            if first < group.first or last >= group.last:
                return
            yield frame
            if frame == group.frame:
                return
            frame = self.tree.parents[frame]
