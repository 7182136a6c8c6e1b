"""What every form of a table offers: its cells as texts, and the same form with some rows and columns."""

from __future__ import annotations

import csv
import io
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MOST_CELLS",
    "MOST_COLUMNS",
    "MOST_ROWS",
    "Form",
    "Span",
    "TextForm",
    "cell_spans",
    "check_size",
    "csv_line",
]

Span = tuple[int, int]
MOST_CELLS = 1_000_000  # of a table in a text, where each takes up to 500 bytes until it is pruned
MOST_ROWS = 200_000  # likewise; each takes 25 microseconds beside its cells
MOST_COLUMNS = 30_000  # likewise; each takes 130 microseconds beside its cells


class Form(ABC):
    """One table, read.

    Attributes:
        width: Number of columns.
        levels: Rows of the header from the top, each (n_columns,); () without a header.
        rows: The body, (n_rows, n_columns), each cell as a reader sees it; "" where a row is short.
        keys: Indices of columns that are kept with every row whatever the options say (the index of a data frame).
    """

    width: int = 0
    levels: tuple[tuple[str, ...], ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    keys: tuple[int, ...] = ()

    @abstractmethod
    def take(self, rows: Sequence[int], columns: Sequence[int]) -> Any:
        """The table with these rows and columns, by rising index, of the type that came in."""

    def row_text(self, row: int) -> str:
        """The row as a text writes it."""
        return csv_line(self.rows[row])


class TextForm(Form):
    """A table that stands in a text.

    Attributes:
        text: The whole text.
        table: Characters [start, end) of the table, line ends included.
        title: What says what the table is about; None for what stands before it.
    """

    text: str
    table: Span = (0, 0)
    title: str | None = None

    @abstractmethod
    def take(self, rows: Sequence[int], columns: Sequence[int]) -> str:
        """See `Form.take`; without what stands around the table."""

    @abstractmethod
    def row_span(self, row: int) -> Span:
        """Where the row stands in the text."""

    @abstractmethod
    def column_span(self, column: int) -> Span | None:
        """Where the column's cell in the lowest row of the header stands; None without one."""

    @abstractmethod
    def with_note(self, table: str, note: str) -> str:
        """The table and a line that says something about it."""

    def row_text(self, row: int) -> str:
        """The row as it is written."""
        return self.text[slice(*self.row_span(row))]

    @property
    def around(self) -> tuple[Span | None, Span | None]:
        """What stands before and after the table, without the white space around it; None where nothing does."""
        return _said(self.text, 0, self.table[0]), _said(self.text, self.table[1], len(self.text))


def cell_spans(start: int, cells: Sequence[str]) -> list[Span]:
    """Where cells stand that follow each other from `start` on, one character between them."""
    spans = []
    for cell in cells:
        spans.append((start, start + len(cell)))
        start += len(cell) + 1
    return spans


def check_size(rows: int, columns: int, cells: int) -> None:
    """Refuse a table in a text that is too large to be read as a whole.

    Args:
        rows: Of the table, the header included.
        columns: Of the table; 0 as long as that is not known.
        cells: Rows times columns, short rows counted as full ones, and one more for each row.

    Raises:
        InputError: There are more than `MOST_ROWS`, `MOST_COLUMNS` or `MOST_CELLS`.
    """
    if rows > MOST_ROWS:
        said = f"{MOST_ROWS:,} rows"
    elif columns > MOST_COLUMNS:
        said = f"{MOST_COLUMNS:,} columns"
    elif cells > MOST_CELLS:
        said = f"{MOST_CELLS:,} cells, each row counted as one more"
    else:
        return
    raise InputError(
        f"the table has more than {said}",
        hint="write it to a file for ctxprune.rag.prune_file, which reads a part at a time, or give a part of it",
    )


def csv_line(cells: Sequence[str]) -> str:
    """The cells as one record of CSV, without a line end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def _said(text: str, start: int, end: int) -> Span | None:
    part = text[start:end].strip("\ufeff \t\r\n")
    if not part:
        return None
    first = text.index(part, start)
    return first, first + len(part)
