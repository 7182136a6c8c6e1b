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
    from .tables import Row

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
            return " | ".join(filter(None, self.row(table.rows[table.places[group.frame]])))
        if group.kind in ("row", "header"):
            return self.rows_text(group.parts)
        return "\n".join(filter(None, map(self.part, group.parts)))

    def part(self, part: Part) -> str:
        """The text of a part."""
        frame = self.tree.runs[part.run].frame
        return plain(self.tree, part, preformatted=self.outline.preformatted[frame])

    def rows_text(self, parts: Iterable[Part]) -> str:
        """Rows on lines, cells between bars, of which only the parts are read."""
        parents, cell = self.tree.parents, self.outline.cell

        def cell_of(part: Part) -> int:
            return cell[self.tree.runs[part.run].frame]

        lines = []
        for _, row in groupby(parts, key=lambda part: parents[cell_of(part)]):
            cells = (" ".join(map(self.part, inside)) for _, inside in groupby(row, key=cell_of))
            lines.append(" | ".join(cells))
        return "\n".join(lines)

    def row(self, row: Row) -> list[str]:
        """The text of each cell that the row shows, in order; "" for an empty one."""
        texts = []
        for cell in row.starts:
            text = self.cells.get(cell.frame, "")
            own = self.tree.parents[cell.frame] == row.frame
            texts.append(text if own or len(text) <= _MOST_REPEATED else "")
        return texts

    @cached_property
    def cells(self) -> dict[int, str]:
        """The texts of all cells that have any, by their frames; their blocks stand on lines of their own."""
        found: dict[int, list[str]] = {}
        for number, run in enumerate(self.tree.runs):
            if cell := self.outline.cell[run.frame]:
                found.setdefault(cell, []).append(self.part(Part(number, run.first, run.last)))
        return {cell: "\n".join(texts) for cell, texts in found.items()}

    def is_whole_row(self, group: Group) -> bool:
        """Whether the group holds all that starts in its row."""
        first, last = self.outline.runs_within(group.frame)
        ends = group.parts[0], group.parts[-1]
        return ends[0].run == first and ends[1].run == last and ends[0].start is None and ends[1].end is None

    def span(self, group: Group) -> tuple[int, int]:
        """Characters of a unit in the source: whole elements with their tags, else from its first text to its last."""
        parts = group.parts
        start, end = span(self.tree, parts[0])[0], span(self.tree, parts[-1])[1]
        for frame in self.filled(group, parts[0]):
            start = self.tree.span(frame)[0]
        for frame in self.filled(group, parts[-1]):
            end = self.tree.span(frame)[1]
        return start, end

    def filled(self, group: Group, part: Part) -> Iterator[int]:
        """The elements around `part`, from within, of which the group holds everything."""
        first, last = group.parts[0], group.parts[-1]
        low, high = first.run + (first.start is not None), last.run - (last.end is not None)
        frame = self.tree.runs[part.run].frame
        while frame and (frame != group.frame or group.kind not in _WITHIN):
            within = self.outline.runs_within(frame)
            if within[0] < low or within[1] > high:
                return
            yield frame
            if frame == group.frame:
                return
            frame = self.tree.parents[frame]
