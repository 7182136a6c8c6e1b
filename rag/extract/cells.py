"""Cells of tables with what says what they are: the header above, the label of the row, the caption.

After Bai et al., Schema-Driven Information Extraction from Heterogeneous Tables, Findings of EMNLP 2024
(arXiv:2305.14336): each cell is read with its row, its column and the table's caption.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctxprune.errors import UsageError
from ctxprune.utils.validation import describe_type

from ..headers import column_names, count_header_rows, find_key
from .layout import find_tables, mask_markup
from .values import clean_text

__all__ = ["TableCell", "list_cells"]

_NUMBER = re.compile(r"[\s\d.,%$€£()+-]+")


@dataclass(frozen=True, slots=True)
class TableCell:
    """One cell of a table's body.

    Attributes:
        text: What it says.
        span: Characters [start, end) in the source.
        header: Names of its column, from the top, joined by " / ".
        row_label: The cell that names its row; "" for a cell that is it.
        caption: The line above the table, if it is no longer than 200 characters.
        table, row: Numbers from 0.
    """

    text: str
    span: tuple[int, int]
    header: str
    row_label: str
    caption: str
    table: int
    row: int

    def to_text(self) -> str:
        """The cell in one line: "CAPTION; ROW; HEADER: CELL"."""
        return "; ".join(part for part in (self.caption, self.row_label) if part) + (
            f"; {self.header}: {self.text}" if self.caption or self.row_label else f"{self.header}: {self.text}"
        )


def list_cells(text: str) -> list[TableCell]:
    """The cells that say something of all tables in a text (bars, tabs, CSV, wide gaps, HTML), in order; [] for none.

    Raises:
        UsageError: `text` is no str.
    """
    if not isinstance(text, str):
        raise UsageError(f"text is {describe_type(text)}", hint="give a str")
    view = mask_markup(text)
    found: list[TableCell] = []
    for number, table in enumerate(find_tables(view, lambda cells: not any(map(_NUMBER.fullmatch, cells)))):
        width = len(table.rows[0])
        said = [[clean_text(text[start:end]) for start, end in row[:width]] for row in table.rows]
        said = [[*row, *[""] * (width - len(row))] for row in said]
        depth = min(count_header_rows(said), len(said) - 1)
        names = column_names(said[:depth], width)
        key = find_key(said[depth:], width)
        caption = " ".join(clean_text(view[slice(*table.caption)]).split()) if table.caption else ""
        for index, (row, places) in enumerate(zip(said[depth:], table.rows[depth:], strict=True)):
            for column, place in enumerate(places[:width]):
                if place[0] < place[1]:
                    label = row[key] if column != key else ""
                    found.append(TableCell(row[column], place, names[column], label, caption, number, index))
    return found
