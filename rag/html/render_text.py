"""What is kept of a page, as plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .leaves import Part, plain
from .walk import by_cell, by_row, cell_parts, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .outline import Outline
    from .tables import Table

__all__ = ["cell_text", "render_text", "shown_rows"]


def render_text(outline: Outline, parts: Sequence[Part]) -> str:
    """The parts on lines of their own, empty lines between blocks; the cells of a row between bars."""
    written: list[str] = []
    for step in walk(outline, parts):
        if step.kind == "part":
            part = step.parts[0]
            text = plain(outline.tree, part, preformatted=bool(outline.preformatted[outline.tree.run_frames[part.run]]))
            written.append(text)
        elif step.kind == "table":
            written.append(_table(outline, outline.tables[step.frame], step.parts))
    return "\n\n".join(filter(None, written))


def _table(outline: Outline, table: Table, parts: Sequence[Part]) -> str:
    cells = by_cell(outline, parts)
    caption = [cell_text(outline, cells[table.caption])] if table.caption in cells else []
    return "\n".join([*caption, *(" | ".join(row).rstrip() for row in shown_rows(outline, table, cells))])


def shown_rows(outline: Outline, table: Table, cells: dict[int, list[Part]]) -> list[list[str]]:
    """The texts of the kept rows by column; a cell that spans several rows is in each, in the first of its columns."""
    found = []
    rows = by_row(table, cells)
    for row in rows:
        line = []
        before = None
        for cell in table.rows[row]:
            shown = [] if cell is None or cell is before else cell_parts(outline, cell, cells, rows)
            line.append(cell_text(outline, shown))
            before = cell
        found.append(line)
    return found


def cell_text(outline: Outline, parts: Sequence[Part]) -> str:
    """The text of a cell on one line."""
    texts = (plain(outline.tree, part, preformatted=False) for part in parts)
    return " ".join(" ".join(texts).split())
