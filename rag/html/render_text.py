"""What is kept of a page, as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .leaves import Part, plain
from .walk import by_cell, by_row, cell_parts, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .outline import Outline
    from .tables import Table
    from .walk import Dropped

__all__ = ["TextWriter", "cell_text", "shown_rows"]


class TextWriter:
    """Writes parts of one page as lines, with empty lines between blocks, and bars between the cells of a row."""

    def __init__(self, outline: Outline, dropped: Dropped | None = None) -> None:
        self.outline, self.tree, self.dropped = outline, outline.tree, dropped or {}

    def without(self, dropped: Dropped) -> TextWriter:
        """A writer of the same page that leaves out columns."""
        return TextWriter(self.outline, dropped)

    def write(self, parts: Iterable[Part]) -> str:
        """The parts, which are in order."""
        written: list[str] = []
        for step in walk(self.outline, parts):
            if step.kind == "part":
                preformatted = bool(self.outline.preformatted[self.tree.run_frames[step.parts[0].run]])
                written.append(plain(self.tree, step.parts[0], preformatted=preformatted))
            elif step.kind == "table":
                written.append(self.table(self.outline.tables[step.frame], step.parts))
        return "\n\n".join(filter(None, written))

    def table(self, table: Table, parts: Sequence[Part]) -> str:
        """The caption and the kept rows on lines."""
        cells = by_cell(self.outline, parts)
        caption = [cell_text(self.outline, cells[table.caption])] if table.caption in cells else []
        rows = (" | ".join(row).rstrip() for row in shown_rows(self.outline, table, cells, self.dropped))
        return "\n".join([*caption, *rows])


def shown_rows(outline: Outline, table: Table, cells: dict[int, list[Part]], dropped: Dropped) -> list[list[str]]:
    """The texts of the kept rows by column; a cell that spans several rows is in each, in the first of its columns."""
    found = []
    rows, gone = by_row(table, cells), dropped.get(table.frame, frozenset())
    for row in rows:
        line = []
        before = None
        for cell in (cell for column, cell in enumerate(table.rows[row]) if column not in gone):
            shown = [] if cell is None or cell is before else cell_parts(outline, cell, cells, rows)
            line.append(cell_text(outline, shown))
            before = cell
        found.append(line)
    return found


def cell_text(outline: Outline, parts: Sequence[Part]) -> str:
    """The text of a cell on one line."""
    texts = (plain(outline.tree, part, preformatted=False) for part in parts)
    return " ".join(" ".join(texts).split())
