"""What is kept of a page, as HTML with bare tags."""

from __future__ import annotations

from bisect import bisect_left
from html import escape
from typing import TYPE_CHECKING

from .leaves import Part, pieces
from .walk import by_cell, by_row, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .outline import Outline
    from .tables import Cell, Table

__all__ = ["render_html"]

_PRE = frozenset({"listing", "plaintext", "xmp"})  # obsolete names of pre


def render_html(outline: Outline, parts: Sequence[Part]) -> str:
    """The parts as well-formed HTML, without html and body elements."""
    return _Writer(outline).write(parts)


class _Writer:
    def __init__(self, outline: Outline) -> None:
        self.outline, self.tree = outline, outline.tree

    def write(self, parts: Sequence[Part], root: int = 0) -> str:
        """What stands within `root`; 0 for the body."""
        written: list[str] = []
        last = ""
        numbers: dict[int, int] = {}
        for step in walk(self.outline, parts, root):
            if step.kind == "open":
                written.append(self.opening(step.frame, numbers))
            elif step.kind == "close":
                written.append(f"</{self.tag(step.frame)}>")
            elif step.kind == "table":
                written.append(self.table(self.outline.tables[step.frame], step.parts))
            else:
                text = self.part(step.parts[0])
                if step.frame == 0:
                    written.append(self.paragraph(step.parts[0], text))
                else:
                    between = "\n" if self.outline.preformatted[step.frame] else "<br>"
                    written.append(between + text if last == "part" else text)
            last = step.kind
        return "".join(written)

    def tag(self, frame: int) -> str:
        tag = self.tree.tags[frame]
        return "pre" if tag in _PRE else "ul" if tag in ("dir", "menu") else tag

    def opening(self, frame: int, numbers: dict[int, int]) -> str:
        """The start tag; an item of an ordered list says its number where it does not follow from the one before."""
        attributes = self.tree.attributes.get(frame, ())
        number = self.tree.numbers.get(frame) if self.tree.tags[frame] == "li" else None
        if number is not None:
            listed = self.outline.listed[frame]
            if number != numbers.get(listed, 0) + 1:
                attributes = (*attributes, ("value", str(number)))
            numbers[listed] = number
        return f"<{self.tag(frame)}{_written(attributes)}>"

    def paragraph(self, part: Part, text: str) -> str:
        attributes = self.tree.attributes.get(self.tree.runs[part.run].frame, ())
        return f"<p{_written(attributes)}>{text}</p>"

    def part(self, part: Part) -> str:
        """The text with the elements in its line that mean something; those are closed within it."""
        found = list(pieces(self.tree, part))
        written: list[str] = []
        open_: list[str] = []  # "" for an element that is not written
        for number, piece in enumerate(found):
            if piece.mark is None:
                written.append(piece.markup)
            elif piece.mark.kind == "open":
                noted = piece.mark.tag == "sup" and number + 1 < len(found) and found[number + 1].text.startswith("[")
                open_.append("" if noted else piece.mark.tag)
                written.append("" if noted else f"<{piece.mark.tag}{_written(piece.mark.attributes)}>")
            elif piece.mark.kind == "close":
                if open_:
                    written.append(_closing(open_.pop()))
            else:
                written.append(_MARKS[piece.mark.kind].format(piece.markup))
        written += [_closing(tag) for tag in reversed(open_)]
        frame = self.tree.runs[part.run].frame
        whole = "".join(written)
        return whole.rstrip() if self.outline.preformatted[frame] else whole.strip()

    def table(self, table: Table, parts: Sequence[Part]) -> str:
        """The kept rows, each with the cells from dropped rows that reach into it."""
        cells = by_cell(self.outline, parts)
        rows = by_row(table, cells)
        written = ["<table>"]
        if caption := cells.get(table.caption):
            written.append(f"<caption>{self.write(caption, table.caption)}</caption>")
        for place, number in enumerate(rows):
            written.append("<tr>")
            for cell in table.rows[number].starts:
                if place and cell.row <= rows[place - 1]:
                    continue  # shown by the row before
                down = bisect_left(rows, cell.row + cell.rows) - place
                written.append(self.cell(cell, cells, number, down))
            written.append("</tr>")
        return "".join([*written, "</table>"])

    def cell(self, cell: Cell, cells: dict[int, list[Part]], row: int, down: int) -> str:
        spans = (("colspan", cell.columns), ("rowspan", down))
        attributes = (*self.tree.attributes.get(cell.frame, ()), *((name, str(n)) for name, n in spans if n > 1))
        parts = cells.get(cell.frame, []) if cell.row == row else self.outline.parts_within(cell.frame)
        tag = self.tree.tags[cell.frame]
        return f"<{tag}{_written(attributes)}>{self.write(parts, cell.frame)}</{tag}>"


_MARKS = {"break": "<br>", "gap": " ", "value": " {} "}


def _written(attributes: tuple[tuple[str, str], ...]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in attributes)


def _closing(tag: str) -> str:
    return f"</{tag}>" if tag else ""
