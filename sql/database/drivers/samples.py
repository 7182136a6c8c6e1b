"""SQL texts that look at stored data: examples, statistics, distinct values, ranges, contained keys.

`Samples` writes SQLite's, where every cell has a type of its own; `typed.TypedSamples` writes those of databases whose
columns have one. What differs between dialects is in the small methods on top; the statements are written once.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...schema.schema import Column, Table

__all__ = ["LONGEST_EXAMPLE", "SAMPLE_ROWS", "Samples", "TableStats", "groups", "pick", "quote_name"]

WIDTH = 100  # columns per statement: two thousand in one exceed SQLite's limits
SAMPLE_ROWS = 50
SCAN_ROWS = 2_000
LONGEST_EXAMPLE = 400  # characters; longer values are cut


@dataclass(frozen=True, slots=True)
class TableStats:
    """What one scan of a table tells.

    Attributes:
        rows: Number of rows.
        text_rows: By column, the number of cells that hold text.
        text_chars: By column, the characters of all text cells together.
        max_chars: By column, the characters of the longest text cell; 0 if there is none.
    """

    rows: int
    text_rows: dict[str, int]
    text_chars: dict[str, int]
    max_chars: dict[str, int]


def quote_name(name: str) -> str:
    """`name` as a delimited identifier of standard SQL."""
    return '"' + name.replace('"', '""') + '"'


def groups(columns: Sequence[Column]) -> Iterator[Sequence[Column]]:
    """Consecutive runs of at most 100 columns; none for no columns."""
    for start in range(0, len(columns), WIDTH):
        yield columns[start : start + WIDTH]


def pick(values: Sequence[Any], n: int) -> tuple[Any, ...]:
    """The first `n` distinct values that are neither NULL nor empty; 1 and 1.0 count as two."""
    found: dict[tuple[type, Any], Any] = {}
    for value in values:
        if len(found) >= n:
            break
        if value not in (None, "", b""):
            found.setdefault((type(value), value), value)
    return tuple(found.values())


class Samples:
    """SQLite's statements. `table` and `column` are those of a reflected schema.

    Attributes:
        sample: About how many rows of a table `rows` gives at most; 0 for all.
    """

    sample: int = 0

    def of(self, sample: int) -> Samples:
        """The same statements over a sample of each table."""
        fewer = copy(self)
        fewer.sample = sample
        return fewer

    def name(self, name: str) -> str:
        """A delimited identifier."""
        return quote_name(name)

    def source(self, table: Table) -> str:
        """The table as FROM names it."""
        return self.name(table.name)

    def scanned(self, table: Table) -> str:
        """The table as FROM names it, read in the order of its rows.

        From an index that covers the wanted columns SQLite would give the rows in the order of the index, and so in
        that of a column which the reader may not see.
        """
        return self.source(table) if table.is_view else f"{self.source(table)} NOT INDEXED"

    def rows(self, table: Table) -> str:
        """What FROM names to read values in large numbers: the table, or a sample of it."""
        return f"({self.some_rows(table)}) AS sampled" if self.sample else self.source(table)

    def some_rows(self, table: Table) -> str:
        """A query of about `sample` rows, the same each time while the table stays as it is."""
        return f"SELECT * FROM {self.scanned(table)} LIMIT {self.sample:d}"  # noqa: S608

    def cell(self, column: Column) -> str:
        """The column's cell."""
        return self.name(column.name)

    def text(self, column: Column) -> str:
        """The cell as text, where `is_text` holds."""
        return self.cell(column)

    def is_text(self, column: Column) -> str:
        """Condition: the cell is text."""
        return f"typeof({self.cell(column)}) = 'text'"

    def is_number(self, column: Column) -> str:
        """Condition: the cell is a finite number."""
        cell = self.cell(column)
        return f"typeof({cell}) IN ('integer', 'real') AND {cell} BETWEEN -1e300 AND 1e300"

    def is_whole(self, column: Column, cell: str = "") -> str:
        """Condition: the cell (or what stands for it) is stored as a whole number."""
        return f"typeof({cell or self.cell(column)}) = 'integer'"

    def is_filled(self, column: Column) -> str:
        """Condition: the cell is neither NULL nor an empty text."""
        cell = self.cell(column)
        return f"{cell} IS NOT NULL AND {cell} <> ''"

    def cut(self, text: str, longest: int) -> str:
        """The beginning of a text. One of no more bytes is taken as it is: `substr` ends at a NUL."""
        return (
            f"CASE WHEN length(CAST({text} AS BLOB)) <= {longest:d} THEN {text} ELSE substr({text}, 1, {longest:d}) END"
        )

    def short(self, column: Column) -> str:
        """The cell for people to look at: long texts and blobs cut."""
        cell = self.cell(column)
        return f"CASE WHEN typeof({cell}) IN ('text', 'blob') THEN substr({cell}, 1, {LONGEST_EXAMPLE}) ELSE {cell} END"

    def holds_text(self, column: Column) -> bool:  # noqa: ARG002 - SQLite's cells decide, whatever the column says
        """Whether a cell of the column can be text at all."""
        return True

    def holds_number(self, column: Column) -> bool:  # noqa: ARG002
        """Whether a cell of the column can be a number at all."""
        return True

    def first_rows(self, table: Table, columns: Sequence[Column]) -> str:
        """The first rows of these columns, long values cut."""
        return f"SELECT {', '.join(map(self.short, columns))} FROM {self.scanned(table)} LIMIT {SAMPLE_ROWS}"  # noqa: S608

    def example(self, table: Table, column: Column, n: int) -> str:
        """Up to `n` distinct values of one column among the first rows, long values cut."""
        inner = (
            f"SELECT {self.short(column)} AS v, CASE WHEN {self.is_filled(column)} THEN 1 ELSE 0 END AS filled "  # noqa: S608
            f"FROM {self.scanned(table)} WHERE {self.cell(column)} IS NOT NULL LIMIT {SCAN_ROWS}"
        )
        return f"SELECT DISTINCT v FROM ({inner}) AS found WHERE filled = 1 LIMIT {n}"  # noqa: S608

    def distinct(
        self,
        table: Table,
        column: Column,
        *,
        longest: int | None = None,
        most: int | None = None,
        cut: int | None = None,
    ) -> str:
        """Distinct texts of one column, at most `most`, none longer than `longest` characters, cut after `cut`."""
        text = self.text(column)
        fits = "" if longest is None else f" AND {self.length(text)} <= {longest:d}"
        end = "" if most is None else f" LIMIT {most:d}"
        shown = text if cut is None else self.cut(text, cut)
        return self.unlike(shown, f"FROM {self.rows(table)} WHERE {self.is_text(column)}{fits}{end}")

    def unlike(self, text: str, rest: str) -> str:
        """Texts of which no two have the same bytes; `rest` is what follows them in the query."""
        return f"SELECT DISTINCT {text} {rest}"

    def texts(self, table: Table, column: Column, cut: int | None = None) -> str:
        """All texts of one column, cut after `cut` characters."""
        shown = self.text(column) if cut is None else self.cut(self.text(column), cut)
        return f"SELECT {shown} FROM {self.rows(table)} WHERE {self.is_text(column)}"  # noqa: S608

    def length(self, text: str) -> str:
        """Characters of a text."""
        return f"length({text})"

    def statistics(self, table: Table, columns: Sequence[Column]) -> str:
        """One row: the number of rows; then for each column of texts their number, characters in all and at most."""
        parts = ["count(*)"]
        for column in columns:
            length = f"CASE WHEN {self.is_text(column)} THEN {self.length(self.text(column))} END"
            parts += [f"count({length})", f"sum({length})", f"max({length})"]
        return f"SELECT {', '.join(parts)} FROM {self.source(table)}"  # noqa: S608

    def whole_numbers(self, table: Table, column: Column, most: int) -> str:
        """Up to `most` distinct whole numbers of a column."""
        return (
            f"SELECT DISTINCT {self.cell(column)} FROM {self.rows(table)} "  # noqa: S608
            f"WHERE {self.is_whole(column)} LIMIT {most}"
        )

    def numbers(self, table: Table, column: Column, most: int) -> str:
        """Up to `most` distinct finite numbers of a column."""
        return (
            f"SELECT DISTINCT {self.cell(column)} FROM {self.rows(table)} "  # noqa: S608
            f"WHERE {self.is_number(column)} LIMIT {most}"
        )

    def ranges(self, table: Table, columns: Sequence[Column]) -> str:
        """One row, six cells for each column: how many numbers, the least, the greatest, how many of them are whole;
        how many texts; how many cells that are not NULL.
        """
        parts = []
        for column in columns:
            cell, numeric = self.cell(column), self.is_number(column)
            number = f"CASE WHEN {numeric} THEN {cell} END"
            whole = f"CASE WHEN {numeric} THEN CASE WHEN {cell} = round({cell}) THEN 1 ELSE 0 END ELSE 0 END"
            if self.holds_number(column):
                parts += [f"count({number})", f"min({number})", f"max({number})", f"sum({whole})"]
            else:  # even where no row has one, many types have neither min nor round
                parts += ["0", "NULL", "NULL", "0"]
            parts += [f"sum(CASE WHEN {self.is_text(column)} THEN 1 ELSE 0 END)", f"count({cell})"]
        return f"SELECT {', '.join(parts)} FROM {self.rows(table)}"  # noqa: S608

    def contained(self, column: tuple[Table, Column], key: tuple[Table, Column], most: int) -> str:
        """One row about up to `most` distinct values of a column: how many, how many of them the key column holds,
        how many are stored as whole numbers, the greatest, the least.
        """
        held = f"SELECT {self.cell(key[1])} FROM {self.source(key[0])}"  # noqa: S608
        values = (
            f"SELECT DISTINCT {self.cell(column[1])} AS v FROM {self.source(column[0])} "  # noqa: S608
            f"WHERE {self.is_filled(column[1])} LIMIT {most}"
        )
        return (
            f"SELECT count(*), coalesce(sum(CASE WHEN v IN ({held}) THEN 1 ELSE 0 END), 0), "  # noqa: S608
            f"sum(CASE WHEN {self.is_whole(column[1], 'v')} THEN 1 ELSE 0 END), max(v), min(v) FROM ({values}) AS found"
        )
