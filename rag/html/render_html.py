"""What is kept of a page, as HTML with bare tags."""

from __future__ import annotations

from bisect import bisect_left
from itertools import groupby
from typing import TYPE_CHECKING

from .attributes import value_spans
from .leaves import Part, pieces, simple_markup
from .tables import spans_of
from .walk import by_cell, by_row, cell_parts, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .outline import Outline
    from .tables import Cell, Table
    from .walk import Dropped

__all__ = ["HtmlWriter"]

_PRE = frozenset({"listing", "plaintext", "xmp"})  # obsolete names of pre
_MOST_KNOWN = 50_000  # runs and rows that are remembered; a budget keeps hundreds
_MARKS = {"break": "<br>", "gap": " ", "value": " {} "}


class HtmlWriter:
    """Writes parts of one page as well-formed HTML, without html and body elements.

    What it wrote of whole runs and rows is remembered: while a budget is met a page is written several times.

    Args:
        outline: The page.
        wanted: Names of attributes to keep.
    """

    def __init__(self, outline: Outline, wanted: tuple[str, ...] = ()) -> None:
        self.outline, self.tree, self.wanted = outline, outline.tree, wanted
        self.dropped: Dropped = {}
        self._runs: dict[int, str] = {}
        self._rows: dict[int, str] = {}

    def without(self, dropped: Dropped) -> HtmlWriter:
        """A writer of the same page that leaves out columns."""
        writer = HtmlWriter(self.outline, self.wanted)
        writer.dropped, writer._runs = dropped, self._runs
        return writer

    def write(self, parts: Iterable[Part], root: int = 0) -> str:
        """What stands within `root`; 0 for the body."""
        written: list[str] = []
        last = ""
        numbers: dict[int, int] = {}
        for kind, frame, inside in walk(self.outline, parts, root):
            if kind == "part":
                text = self.part(inside[0])
                if frame == 0:
                    attributes = self.attributes(self.tree.run_frames[inside[0].run]) if self.wanted else ""
                    written.append(f"<p{attributes}>{text}</p>")
                else:
                    between = "" if last != "part" else "\n" if self.outline.preformatted[frame] else "<br>"
                    written.append(between + text)
            elif kind == "open":
                written.append(self.opening(frame, numbers))
            elif kind == "close":
                written.append(f"</{self.tag(frame)}>")
            else:
                written.append(self.table(self.outline.tables[frame], inside))
            last = kind
        return "".join(written)

    def tag(self, frame: int) -> str:
        """How the element is written."""
        tag = self.tree.tags[frame]
        return "pre" if tag in _PRE else "ul" if tag in ("dir", "menu") else tag

    def opening(self, frame: int, numbers: dict[int, int]) -> str:
        """The start tag; an item of an ordered list says its number where it does not follow from the one before."""
        attributes = self.attributes(frame)
        number = self.tree.numbers.get(frame) if self.tree.tags[frame] == "li" else None
        if number is not None:
            listed = self.outline.listed[frame]
            if number != numbers.get(listed, 0) + 1:
                attributes += f' value="{number}"'
            numbers[listed] = number
        return f"<{self.tag(frame)}{attributes}>"

    def attributes(self, frame: int) -> str:
        """The attributes of an element that are kept; none of one whose start tag was left out."""
        if not self.wanted or not frame:
            return ""
        tag, start = self.tree.tags[frame], self.tree.offsets[self.tree.starts[frame]]
        named = self.tree.source[start + 1 : start + 1 + len(tag)].lower() == tag
        return self.written(start, self.wanted) if named else ""

    def written(self, start: int, names: tuple[str, ...]) -> str:
        """Attributes of the tag at `start`, as they stand in the source."""
        spans = value_spans(self.tree.source, start)
        values = ((name, self.tree.source[slice(*spans[name])]) for name in names if name in spans)
        return "".join(f' {name}="{_quoted(value)}"' for name, value in values)

    def part(self, part: Part) -> str:
        """The text with the elements in its line that mean something; those are closed within it."""
        run = part[0]
        if not self.is_whole(part):
            return self.line(part)
        known = self._runs.get(run)
        if known is None:
            simple = "" if self.outline.preformatted_runs[run] else simple_markup(self.tree, part)
            known = simple.strip() or self.line(part)
            if len(self._runs) < _MOST_KNOWN:
                self._runs[run] = known
        return known

    def is_whole(self, part: Part) -> bool:
        """Whether the part is all of its run."""
        run, first, last, start, end = part
        tree = self.tree
        return start is end is None and first == tree.run_firsts[run] and last == tree.run_lasts[run]

    def line(self, part: Part) -> str:
        """As `part`, written anew."""
        found = list(pieces(self.tree, part))
        written: list[str] = []
        open_: list[str] = []  # "" for an element that is not written
        for number, piece in enumerate(found):
            if piece.mark is None:
                written.append(piece.markup)
            elif piece.mark.kind == "open":
                noted = piece.mark.tag == "sup" and number + 1 < len(found) and found[number + 1].text.startswith("[")
                open_.append("" if noted else piece.mark.tag)
                names = ("href", *self.wanted) if piece.mark.link else self.wanted
                attributes = self.written(self.tree.offsets[piece.token], names) if names else ""
                written.append("" if noted else f"<{piece.mark.tag}{attributes}>")
            elif piece.mark.kind == "close":
                if open_:
                    written.append(_closing(open_.pop()))
            else:
                written.append(_MARKS[piece.mark.kind].format(piece.markup))
        written += [_closing(tag) for tag in reversed(open_)]
        whole = "".join(written)
        return whole.rstrip() if self.outline.preformatted_runs[part.run] else whole.strip()

    def table(self, table: Table, parts: Sequence[Part]) -> str:
        """The kept rows, each with the cells from dropped rows that reach into it."""
        cells = self.outline.cells
        caption = [part for part in parts if cells[part.run] == table.caption]
        body = [part for part in parts if cells[part.run] != table.caption]
        spanned = table.has_rowspans or table.frame in self.dropped
        return "".join(
            (
                f"<table{self.attributes(table.frame)}>",
                f"<caption>{self.write(caption, table.caption)}</caption>" if caption else "",
                *(self.spanned_rows(table, body) if spanned else self.plain_rows(table, body)),
                "</table>",
            )
        )

    def plain_rows(self, table: Table, parts: Sequence[Part]) -> Iterator[str]:
        """The kept rows of a table in which no cell spans several."""
        cells, parents = self.outline.cells, self.tree.parents
        for row, members in groupby(parts, key=lambda part: parents[cells[part.run]]):
            kept = list(members)
            first, last = self.outline.runs_within(row)
            whole = len(kept) == last - first + 1 and all(map(self.is_whole, kept))
            if not whole or row not in self._rows:
                own = by_cell(self.outline, kept)
                frames = table.cells_by_row[table.places[row]]
                written = self.row(row, (self.cell(frame, own.get(frame, ())) for frame in frames))
                if not whole:
                    yield written
                    continue
                if len(self._rows) < _MOST_KNOWN:
                    self._rows[row] = written
                yield written
                continue
            yield self._rows[row]

    def spanned_rows(self, table: Table, parts: Sequence[Part]) -> Iterator[str]:
        """The kept rows of a table in which cells span several or columns are dropped; a cell that spans several stands
        in the first kept row of these."""
        cells, dropped = by_cell(self.outline, parts), self.dropped.get(table.frame, frozenset())
        rows = by_row(table, cells)
        for place, number in enumerate(rows):
            shown = [
                (cell, width)
                for cell in table.shown(number)
                if (not place or cell.row > rows[place - 1]) and (width := _width(cell, dropped))
            ]
            written = (
                self.cell(
                    cell.frame,
                    cell_parts(self.outline, cell, cells, rows),
                    width,
                    bisect_left(rows, cell.row + cell.rows) - place,
                )
                for cell, width in shown
            )
            yield self.row(table.row_frames[number], written)

    def row(self, frame: int, cells: Iterable[str]) -> str:
        """A row around its cells."""
        return f"<tr{self.attributes(frame)}>{''.join(cells)}</tr>"

    def cell(self, frame: int, parts: Sequence[Part], width: int = 0, down: int = 1) -> str:
        """A cell that spans `width` columns, as many as its tag says if 0, and `down` rows of those that are kept."""
        attributes = self.attributes(frame)
        if not width and frame in self.tree.spans:
            width = spans_of(self.tree, frame)[0]
        if width > 1:
            attributes = f' colspan="{width}"{attributes}'
        if down > 1:
            attributes = f' rowspan="{down}"{attributes}'
        if len(parts) == 1 and self.outline.owners[parts[0].run] == frame:
            text = self.part(parts[0])
        else:
            text = self.write(parts, frame)
        tag = self.tree.tags[frame]
        return f"<{tag}{attributes}>{text}</{tag}>"


def _width(cell: Cell, dropped: frozenset[int]) -> int:
    """Columns that the cell spans and that are kept."""
    return cell.columns - sum(cell.column <= column < cell.column + cell.columns for column in dropped)


def _quoted(value: str) -> str:
    return value.replace('"', "&quot;").replace("<", "&lt;").replace("\x00", "")


def _closing(tag: str) -> str:
    return f"</{tag}>" if tag else ""
