"""One table of HTML: what is kept is the source's own cells; only the numbers that they span are counted anew."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import groupby
from typing import TYPE_CHECKING

from ctxprune.errors import InputError
from ctxprune.rag.html import HtmlPage

from ..headers import count_header_rows
from .form import Span, TextForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.rag.html.tables import Cell

    from .options import TableOptions

__all__ = ["HtmlTable"]

_TAG = re.compile(r"<(/?)(\w+)(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_SPACE = "[ \t\n\f\r]"
_SPANS = re.compile(
    rf"(?<!{_SPACE}){_SPACE}+(?:colspan|rowspan){_SPACE}*=(?:{_SPACE}*(?:\"[^\"]*\"|'[^']*'|[^ \t\n\f\r>]*))?",
    re.IGNORECASE,
)


class HtmlTable(TextForm):
    """The table of data in a fragment of HTML, with the caption that it has within.

    A cell that spans several columns or rows is kept if it stands over a kept column in a kept row; it then stands in
    the first of its rows that is kept.
    """

    def __init__(self, text: str, options: TableOptions) -> None:
        page = HtmlPage(text)
        tables = list(page.outline.tables.values())
        if len(tables) != 1:
            raise InputError(
                f"there are {len(tables) or 'no'} tables of data in the text",
                hint="give one, or use HtmlPage for pages",
            )
        (self._table,) = tables
        self.text, self._tree = page.source, page.tree
        self._places = self._table.rows
        self.width = max(map(len, self._places), default=0)
        if any(len(row) != self.width for row in self._places):
            raise InputError("the table spans too many places", hint="use HtmlPage")
        texts = page.reading.cells
        rows = [tuple("" if cell is None else texts.get(cell.frame, "") for cell in row) for row in self._places]
        depth = options.header_rows
        self._depth = (self._table.head or count_header_rows(rows)) if depth is None else min(depth, len(rows))
        self.levels, self.rows = tuple(rows[: self._depth]), tuple(rows[self._depth :])
        self.table = self._tree.span(self._table.frame)
        self.title = texts.get(self._table.caption, "") if self._table.caption else ""

    def take(self, rows: Sequence[int], columns: Sequence[int]) -> str:
        """The table with its own tags, white space and row groups; a row that goes takes the white space behind it."""
        kept = [*range(self._depth), *(row + self._depth for row in rows)]
        chosen, parts, at = {*kept}, list[str](), self.table[0]
        frames = self._table.row_frames
        for row, frame in enumerate(frames):
            start, end = self._tree.span(frame)
            parts.append(self.text[at:start])
            if row in chosen:
                parts.append(self._row(row, kept, columns))
            at = end if row in chosen else self._behind(end)
        return "".join(parts) + self.text[at : self.table[1]] if columns else ""

    def row_text(self, row: int) -> str:
        """The cells as a reader sees them, between bars."""
        return " | ".join(self.rows[row])

    def row_span(self, row: int) -> Span:
        """Where the row stands, with its tags."""
        return self._tree.span(self._table.row_frames[row + self._depth])

    def column_span(self, column: int) -> Span | None:
        """Where the cell in the lowest row of the header stands, with its tags."""
        cell = self._places[self._depth - 1][column] if self._depth else None
        return self._tree.span(cell.frame) if cell else None

    def with_note(self, table: str, note: str) -> str:
        """The note as a paragraph below the table."""
        escaped = note.replace("&", "&amp;").replace("<", "&lt;")
        return f"{table}\n<p>{escaped}</p>"

    def _behind(self, end: int) -> int:
        """`end`, or the end of the white space there."""
        rest = self.text[end : self.table[1]]
        return end + len(rest) - len(rest.lstrip())

    def _row(self, row: int, kept: list[int], columns: Sequence[int]) -> str:
        start, end = self._tree.span(self._table.row_frames[row])
        opened = _TAG.match(self.text, start)
        tag = opened.group() if opened and opened[2].lower() == "tr" else "<tr>"
        places = self._places[row]
        parts = [tag]
        last = max((at for at, column in enumerate(columns) if places[column] is not None), default=-1)
        hole = "<td></td>"
        if row < self._depth:  # a header is written whole, lest the table be read as one without
            last, hole = len(columns) - 1, "<th></th>"
        frames = [None if place is None else place.frame for place in places]
        for frame, same in groupby(columns[: last + 1], key=frames.__getitem__):
            first, *more = same
            cell = places[first]
            if cell is None or frame is None:  # a hole, which in the source nothing but the cells behind it shows
                parts += [hole] * (len(more) + 1)
            elif kept[bisect_left(kept, cell.row)] == row:
                parts.append(self._cell(cell, len(more) + 1, _inside(kept, cell.row, cell.rows)))
        return "".join(parts) + ("</tr>" if _closed(self.text[start:end], "tr") else "")

    def _cell(self, cell: Cell, across: int, down: int) -> str:
        start, end = self._tree.span(cell.frame)
        source = self.text[start:end]
        if (cell.columns, cell.rows) == (across, down):
            return source
        opened = _TAG.match(source)
        tag = opened.group() if opened else ""
        spans = "".join(f' {name}="{n}"' for name, n in (("colspan", across), ("rowspan", down)) if n > 1)
        return f"{_SPANS.sub('', tag)[:-1]}{spans}>{source[len(tag) :]}"


def _inside(numbers: Sequence[int], first: int, count: int) -> int:
    """How many of rising numbers are from `first` on, up to `count` more."""
    return bisect_left(numbers, first + count) - bisect_left(numbers, first)


def _closed(source: str, tag: str) -> bool:
    return source.rstrip().lower().endswith(f"</{tag}>")
