"""SQL texts that look at stored data, and the fold of their rows: examples, statistics, distinct values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .schema import Column, Table

__all__ = [
    "TableStats",
    "distinct_sql",
    "example_sql",
    "first_rows_sql",
    "groups",
    "pick",
    "quote_name",
    "stats_sql",
    "texts_sql",
]

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
    """`name` as a delimited SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def groups(columns: Sequence[Column]) -> Iterator[Sequence[Column]]:
    """Consecutive runs of at most 100 columns; none for no columns."""
    for start in range(0, len(columns), WIDTH):
        yield columns[start : start + WIDTH]


def first_rows_sql(table: Table, columns: Sequence[Column]) -> str:
    """The first rows of these columns, long values cut."""
    cells = ", ".join(_short(column) for column in columns)
    return f"SELECT {cells} FROM {quote_name(table.name)} LIMIT {SAMPLE_ROWS}"  # noqa: S608


def example_sql(table: Table, column: Column, n: int) -> str:
    """Up to `n` distinct values of one column among the first rows, long values cut."""
    cell = quote_name(column.name)
    inner = f"SELECT {_short(column)} AS v FROM {quote_name(table.name)} WHERE {cell} IS NOT NULL LIMIT {SCAN_ROWS}"  # noqa: S608
    return f"SELECT DISTINCT v FROM (SELECT v FROM ({inner}) WHERE v <> '') LIMIT {n}"  # noqa: S608


def distinct_sql(
    table: str, column: str, longest: int | None = None, most: int | None = None, cut: int | None = None
) -> str:
    """Distinct texts of one column, at most `most`, none longer than `longest` characters, cut after `cut`."""
    cell = quote_name(column)
    fits = "" if longest is None else f" AND length({cell}) <= {longest:d}"
    end = "" if most is None else f" LIMIT {most:d}"
    shown = _cut(cell, cut)
    return f"SELECT DISTINCT {shown} FROM {quote_name(table)} WHERE typeof({cell}) = 'text'{fits}{end}"  # noqa: S608


def texts_sql(table: str, column: str, cut: int | None = None) -> str:
    """All texts of one column, cut after `cut` characters."""
    cell = quote_name(column)
    return f"SELECT {_cut(cell, cut)} FROM {quote_name(table)} WHERE typeof({cell}) = 'text'"  # noqa: S608


def _cut(cell: str, longest: int | None) -> str:
    """A text of no more bytes is taken as it is: `substr` ends at a NUL."""
    if longest is None:
        return cell
    return f"CASE WHEN length(CAST({cell} AS BLOB)) <= {longest:d} THEN {cell} ELSE substr({cell}, 1, {longest:d}) END"


def stats_sql(table: Table, columns: Sequence[Column]) -> str:
    """One row: the number of rows, then three figures for each column."""
    parts = ["count(*)"]
    for column in columns:
        cell = quote_name(column.name)
        length = f"CASE WHEN typeof({cell}) = 'text' THEN length({cell}) END"
        parts += [f"count({length})", f"sum({length})", f"max({length})"]
    return f"SELECT {', '.join(parts)} FROM {quote_name(table.name)}"  # noqa: S608


def pick(values: Sequence[Any], n: int) -> tuple[Any, ...]:
    """The first `n` distinct values that are neither NULL nor empty; 1 and 1.0 count as two."""
    found: dict[tuple[type, Any], Any] = {}
    for value in values:
        if len(found) >= n:
            break
        if value not in (None, "", b""):
            found.setdefault((type(value), value), value)
    return tuple(found.values())


def _short(column: Column) -> str:
    cell = quote_name(column.name)
    return f"CASE WHEN typeof({cell}) IN ('text', 'blob') THEN substr({cell}, 1, {LONGEST_EXAMPLE}) ELSE {cell} END"
