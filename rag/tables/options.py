"""How a table is read and written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ctxprune.errors import UsageError

from ..passages.fence import check_fence

__all__ = ["NO_OPTIONS", "TableOptions"]

_FORMATS = (None, "csv", "html", "markdown")


@dataclass(frozen=True)
class TableOptions:
    """What holds for one table; by default everything is found out.

    Attributes:
        format: "csv" (with any delimiter), "html" or "markdown", for texts; None finds out.
        delimiter: One character between the cells of CSV; None finds out.
        header_rows: How many rows at the top name the columns, for texts and lists of rows; None finds out.
        key: Columns that say what each row is about, by name or by index from 0; they are kept with every row. ()
            finds one. Indices of data frames (pandas) are always keys.
        title: What the table is about; read by scorers, no part of what is pruned.
        rows: How many rows the whole table has, if these are only some of them; for what is said about those left out.
        note: Whether a text says in a line of its own what was left out: before CSV behind "# ", after Markdown
            and HTML.
        mark: A word that the note begins with, so that no cell can pretend to be the note: 8 to 64 letters, digits
            and "-" that stand nowhere in the table. `ctxprune.rag.passages.fence.new_fence()` makes one; make a new one
            for each prompt, and tell the model of it. "" for none.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
    """

    format: str | None = None
    delimiter: str | None = None
    header_rows: int | None = None
    key: Sequence[str | int] = ()
    title: str = ""
    rows: int | None = None
    note: bool = False
    mark: str = ""

    def __post_init__(self) -> None:
        _check(self.format in _FORMATS, "format", self.format, "'csv', 'html', 'markdown' or None")
        delimiter = self.delimiter
        single = isinstance(delimiter, str) and len(delimiter) == 1 and delimiter not in '"\r\n'
        _check(delimiter is None or single, "delimiter", delimiter, "one character other than a quote or a line end")
        for name, rows in (("header_rows", self.header_rows), ("rows", self.rows)):
            whole = isinstance(rows, int) and not isinstance(rows, bool) and rows >= 0
            _check(rows is None or whole, name, rows, "a whole number from 0 up, or None")
        _check(isinstance(self.title, str), "title", self.title, "a text")
        _check(isinstance(self.note, bool), "note", self.note, "True or False")
        if self.mark != "":
            check_fence(self.mark, "mark")
        names = isinstance(self.key, Sequence) and not isinstance(self.key, str)
        _check(names and all(map(_names_a_column, self.key)), "key", self.key, "a tuple of names or indices of columns")
        object.__setattr__(self, "key", tuple(self.key))


def _names_a_column(key: object) -> bool:
    return isinstance(key, (str, int)) and not isinstance(key, bool)


def _check(valid: bool, name: str, value: object, allowed: str) -> None:
    if not valid:
        raise UsageError(f"{name} is {value!r}", hint=f"give {allowed}")


NO_OPTIONS = TableOptions()
