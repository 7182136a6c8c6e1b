"""CSV, TSV and their like: what is kept is the source's own characters, quotes and line ends included."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from ..headers import count_header_rows
from ._records import Record, find_delimiter, records
from .form import Span, TextForm, cell_spans, check_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .options import TableOptions

__all__ = ["Delimited"]

_TOP = 16  # records by which the header is found


class Delimited(TextForm):
    """A text of records; short ones lack their last cells, what is too much in long ones belongs to the last cell.

    Lines at the top are a caption if they have one cell where others have more, and if they are notes of ours.
    """

    def __init__(self, text: str, options: TableOptions) -> None:
        self.text = text
        start = int(text.startswith("\ufeff"))
        self._delimiter = options.delimiter or find_delimiter(text[start:])
        found = _read_records(text, self._delimiter, start)
        width = _usual_width(found)
        above = _count_caption(found, width)
        self.table = (found[above].start if above else start, len(text)) if found else (start, start)
        found = found[above:]
        depth = (
            count_header_rows([record.values for record in found[:_TOP]])
            if options.header_rows is None
            else options.header_rows
        )
        self.width = max([width, *(len(record.cells) for record in found[:depth])], default=0)
        check_size(len(found), self.width, len(found) * (self.width + 1))
        self._head = [self._fitted(record) for record in found[:depth]]
        self._body = [self._fitted(record) for record in found[depth:]]
        self._column_spans = cell_spans(self._head[-1].start, self._head[-1].cells) if self._head else []
        self.levels = tuple(map(self._values, self._head))
        self.rows = tuple(map(self._values, self._body))

    def take(self, rows: Sequence[int], columns: Sequence[int]) -> str:
        """The records with their own line ends; a record of one empty cell is written as two quotes.

        A header that lacks cells gets empty ones, lest it be read as a caption.
        """
        if not columns:
            return ""
        chosen = [*map(self._whole, self._head), *(self._body[row] for row in rows)]
        return "".join(self._written(record, columns) for record in chosen)

    def row_span(self, row: int) -> Span:
        """Where the record stands, without its line end."""
        return self._body[row].start, self._body[row].end

    def column_span(self, column: int) -> Span | None:
        """Where the cell in the lowest row of the header stands."""
        return self._column_spans[column] if column < len(self._column_spans) else None

    def with_note(self, table: str, note: str) -> str:
        """The note as a comment above the table."""
        ending = next((self.text[record.end : record.stop] for record in self._head + self._body), "") or "\n"
        return f"# {note}{ending}{table}"

    def _fitted(self, record: Record) -> Record:
        cells = record.cells
        if len(cells) <= self.width:
            return record
        last = self._delimiter.join(cells[self.width - 1 :])
        return Record(record.start, record.end, record.stop, (*cells[: self.width - 1], last))

    def _whole(self, record: Record) -> Record:
        return replace(record, cells=(*record.cells, *[""] * (self.width - len(record.cells))))

    def _values(self, record: Record) -> tuple[str, ...]:
        values = record.values
        return values if len(values) == self.width else (*values, *[""] * (self.width - len(values)))

    def _written(self, record: Record, columns: Sequence[int]) -> str:
        line = self._delimiter.join(record.cells[column] for column in columns if column < len(record.cells))
        return (line or '""') + self.text[record.end : record.stop]


def _read_records(text: str, delimiter: str, start: int) -> list[Record]:
    """The records; of a text that holds too many of them, or of cells, no more than it takes to say so."""
    found, cells = [], 0
    for record in records(text, delimiter, start):
        found.append(record)
        cells += len(record.cells) + 1
        check_size(len(found), 0, cells)
    return found


def _usual_width(found: list[Record]) -> int:
    """Of the numbers of cells the commonest, of equally common ones the largest."""
    widths = Counter(len(record.cells) for record in found)
    return max(widths, key=lambda width: (widths[width], width), default=0)


def _count_caption(found: list[Record], width: int) -> int:
    for index, record in enumerate(found):
        comment = record.cells[0].startswith("# (") and record.cells[-1].endswith(")")
        if not comment and (len(record.cells) == width or len(record.cells) > 1):
            return index
    return 0
