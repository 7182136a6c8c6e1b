"""What is kept of a page, as HTML with bare tags."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from .attributes import value_spans
from .leaves import Part, pieces
from .walk import by_cell, by_row, cell_parts, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .outline import Outline
    from .tables import Cell, Table

__all__ = ["render_html"]

_PRE = frozenset({"listing", "plaintext", "xmp"})  # obsolete names of pre


def render_html(outline: Outline, parts: Sequence[Part], wanted: tuple[str, ...] = ()) -> str:
    """The parts as well-formed HTML, without html and body elements; `wanted` names attributes to keep."""
    return _Writer(outline, wanted).write(parts)


class _Writer:
    def __init__(self, outline: Outline, wanted: tuple[str, ...]) -> None:
        self.outline, self.tree, self.wanted = outline, outline.tree, wanted

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
        attributes = self.attributes(self.tree.starts[frame])
        number = self.tree.numbers.get(frame) if self.tree.tags[frame] == "li" else None
        if number is not None:
            listed = self.outline.listed[frame]
            if number != numbers.get(listed, 0) + 1:
                attributes += f' value="{number}"'
            numbers[listed] = number
        return f"<{self.tag(frame)}{attributes}>"

    def paragraph(self, part: Part, text: str) -> str:
        frame = self.tree.run_frames[part.run]
        return f"<p{self.attributes(self.tree.starts[frame]) if frame else ''}>{text}</p>"

    def attributes(self, token: int, *names: str) -> str:
        """The attributes of a tag that are kept, as they stand in the source."""
        if not self.wanted and not names:
            return ""
        spans = value_spans(self.tree.source, self.tree.offsets[token])
        values = ((name, self.tree.source[slice(*spans[name])]) for name in (*names, *self.wanted) if name in spans)
        return "".join(f' {name}="{_quoted(value)}"' for name, value in values)

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
                names = ("href",) if piece.mark.link else ()
                written.append("" if noted else f"<{piece.mark.tag}{self.attributes(piece.token, *names)}>")
            elif piece.mark.kind == "close":
                if open_:
                    written.append(_closing(open_.pop()))
            else:
                written.append(_MARKS[piece.mark.kind].format(piece.markup))
        written += [_closing(tag) for tag in reversed(open_)]
        whole = "".join(written)
        return whole.rstrip() if self.outline.preformatted[self.tree.run_frames[part.run]] else whole.strip()

    def table(self, table: Table, parts: Sequence[Part]) -> str:
        """The kept rows, each with the cells from dropped rows that reach into it."""
        cells = by_cell(self.outline, parts)
        rows = by_row(table, cells)
        written = [f"<table{self.attributes(self.tree.starts[table.frame])}>"]
        if caption := cells.get(table.caption):
            written.append(f"<caption>{self.write(caption, table.caption)}</caption>")
        for place, number in enumerate(rows):
            written.append(f"<tr{self.attributes(self.tree.starts[table.row_frames[number]])}>")
            for cell in table.shown(number):
                if place and cell.row <= rows[place - 1]:
                    continue  # shown by the row before
                down = bisect_left(rows, cell.row + cell.rows) - place
                written.append(self.cell(cell, cell_parts(self.outline, cell, cells, rows), down))
            written.append("</tr>")
        return "".join([*written, "</table>"])

    def cell(self, cell: Cell, parts: Sequence[Part], down: int) -> str:
        spans = (("colspan", cell.columns), ("rowspan", down))
        attributes = "".join(f' {name}="{number}"' for name, number in spans if number > 1)
        attributes += self.attributes(self.tree.starts[cell.frame])
        tag = self.tree.tags[cell.frame]
        return f"<{tag}{attributes}>{self.write(parts, cell.frame)}</{tag}>"


_MARKS = {"break": "<br>", "gap": " ", "value": " {} "}


def _quoted(value: str) -> str:
    return value.replace('"', "&quot;").replace("<", "&lt;").replace("\x00", "")


def _closing(tag: str) -> str:
    return f"</{tag}>" if tag else ""
