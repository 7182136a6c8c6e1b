"""Deduplication of tables contained in others, and of repeated rows.

Tables pass the steps of R2D2 (Shah et al., "R2D2: Reducing Redundancy and Duplication in Data Lakes", PACMMOD
2023): containment of the schema, then of the ranges of the columns (where all rows must be contained), then of the
rows. Each step is cheaper than the next one and rules out tables that cannot be contained; where R2D2 samples rows in
the last step, all are compared here. Of many tables with the same columns only those that share a rare row are
compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, Any

from ctxprune.context.grid import Grid
from ctxprune.errors import UsageError
from ctxprune.text.words import fold
from ctxprune.utils.foreign import foreign_attribute
from ctxprune.utils.validation import is_number

from .report import Deduplicated, Merge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxprune.context.base import Context

    from .report import Kind

__all__ = ["deduplicate_rows", "deduplicate_tables"]

_EPSILON = 1e-9

Column = tuple[str, int]  # folded header, and how many of it came before
Row = tuple[str, ...]


def deduplicate_rows(rows: Iterable[Sequence[str]]) -> Deduplicated:
    """Find repeated rows; the first of equal rows is kept.

    Rows are equal where all their cells are, apart from case, accents and the amount of white space ("folded"; "exact"
    where every byte is the same). Nearly equal rows are kept: another number is another fact.

    Raises:
        UsageError: A row is not a sequence of texts.

    Examples:
        ```python
        from ctxprune.rag import Deduplicated, deduplicate_rows

        found: Deduplicated = deduplicate_rows(
            [["Paris", "France"], ["paris", "France"], ["Rome", "Italy"]]
        )
        print(found.kept)  # [0, 2]
        ```
    """
    first: dict[tuple[str, ...], tuple[int, tuple[str, ...]]] = {}
    merges = []
    size = 0
    for index, row in enumerate(rows):
        if isinstance(row, str) or not isinstance(row, Sequence) or not all(isinstance(cell, str) for cell in row):
            raise UsageError(f"row {index} is no list of texts", hint="give rows such as Grid.rows")
        size += 1
        cells = tuple(row)
        into, same = first.setdefault(tuple(map(_fold_cell, cells)), (index, cells))
        if into != index:
            merges.append(Merge(index, into, "exact" if cells == same else "folded", 1.0))
    return Deduplicated(size, tuple(merges))


def deduplicate_tables(tables: Iterable[Grid | Context[Any]], *, containment: float = 1.0) -> Deduplicated:
    """Find the tables of which a kept one has all columns and (nearly) all rows.

    Tables with the most columns are kept first, then those with the most different rows, then the earlier ones. Columns
    are matched by their folded headers (the second of the same name with the second), in any order; rows as in
    `deduplicate_rows`, in any order and number. A table without rows is contained where its columns are; one without
    columns is always kept. "exact" and "folded" are tables of the same columns and rows in the same order.

    Args:
        tables: Grids, or contexts with tables (`Table`, `HtmlPage`, `JsonDocument`); their tables are numbered
            consecutively.
        containment: Least share of a table's different rows that are in the other one, over 0, up to 1.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.

    Examples:
        ```python
        from ctxprune.rag import Table, deduplicate_tables

        large = Table(
            [{"city": "Paris", "country": "France"}, {"city": "Rome", "country": "Italy"}]
        )
        small = Table([{"city": "Rome", "country": "Italy"}])
        print(deduplicate_tables([small, large]).kept)  # [1]
        ```
    """
    if not is_number(containment) or not 0 < containment <= 1:
        raise UsageError(f"containment is {containment!r}", hint="give a number over 0, up to 1")
    read = [_Table(index, grid) for index, grid in enumerate(_list_grids(tables))]
    counts = Counter(column for table in read for column in table.columns)
    by_columns: defaultdict[frozenset[Column], list[_Table]] = defaultdict(list)
    for table in read:
        by_columns[frozenset(table.columns)].append(table)
    staying: defaultdict[Column, list[_Table]] = defaultdict(list)  # by column
    merges = []
    for columns in sorted(filter(None, by_columns), key=len, reverse=True):  # the widest first
        # A table that contains these columns has each of them: the list of the rarest column is the shortest to scan.
        rarest = min(columns, key=lambda column: (counts[column], column))
        holders = _Holders(tuple(sorted(columns)))
        for table in staying[rarest]:
            if columns <= table.columns.keys():
                holders.add(table)
        for table in sorted(by_columns[columns], key=lambda one: (-len(one.rows), one.index)):
            if (found := holders.merge(table, containment)) is not None:
                merges.append(found)
                continue
            holders.add(table)
            for column in columns:
                staying[column].append(table)
    return Deduplicated(len(read), tuple(sorted(merges, key=lambda merge: merge.index)))


def _list_grids(tables: Iterable[Grid | Context[Any]]) -> Iterator[Grid]:
    for index, given in enumerate(tables):
        if isinstance(given, Grid):
            yield given
        else:
            if foreign_attribute(given, "units") is None:
                raise UsageError(f"table {index} is a {type(given).__name__}", hint="give Grid objects or contexts")
            yield from foreign_attribute(given, "grids", default=())


@dataclass
class _Table:
    """A table with folded cells and the ranges of its columns."""

    index: int
    grid: Grid
    columns: dict[Column, int] = field(init=False)  # index of each column
    rows: dict[Row, None] = field(init=False)  # distinct rows, in order
    ranges: list[tuple[str, str]] = field(init=False)  # of each column the least and the greatest folded cell

    def __post_init__(self) -> None:
        seen: Counter[str] = Counter()
        self.columns = {}
        for place, name in enumerate(map(_fold_cell, self.grid.header)):
            self.columns[name, seen[name]] = place
            seen[name] += 1
        self.rows = dict.fromkeys(tuple(map(_fold_cell, row)) for row in self.grid.rows)
        self.ranges = [(min(cells), max(cells)) for cells in zip(*self.rows, strict=True)]

    def project(self, columns: Sequence[Column]) -> frozenset[Row]:
        """The distinct rows, reduced to these columns."""
        places = [self.columns[column] for column in columns]
        return frozenset(tuple(row[place] for place in places) for row in self.rows)


class _Holders:
    """The kept tables that have all of some columns, in order, indexed by their rows in these columns."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._tables: list[tuple[_Table, frozenset[Row]]] = []
        self._by_row: defaultdict[Row, list[int]] = defaultdict(list)

    def add(self, table: _Table) -> None:
        rows = table.project(self._columns)
        for row in rows:
            self._by_row[row].append(len(self._tables))
        self._tables.append((table, rows))

    def merge(self, table: _Table, containment: float) -> Merge | None:
        """Merge `table`, of exactly these columns, into the first table that contains it; None without one."""
        rows = table.project(self._columns)
        for place in self._near(rows, containment):
            other, held = self._tables[place]
            if containment == 1 and not self._within(table, other):
                continue
            share = len(rows & held) / len(rows) if rows else 1.0
            if share >= containment - _EPSILON:
                return Merge(table.index, other.index, _find_kind(table, other), share)
        return None

    def _near(self, rows: frozenset[Row], containment: float) -> Iterable[int]:
        """Indices of the tables that may contain enough of the rows: those with one of the rarest."""
        if not rows:
            return range(len(self._tables))
        # Pigeonhole: a table with `containment` of the rows has one of any `enough` rows; the rarest have few tables.
        enough = len(rows) - ceil(containment * len(rows) - _EPSILON) + 1
        rarest = sorted((self._by_row.get(row, []) for row in rows), key=len)[:enough]
        return sorted({place for places in rarest for place in places})

    def _within(self, table: _Table, other: _Table) -> bool:
        """Whether each column's range lies in that of the other one."""
        for column in self._columns if table.rows else ():
            least, greatest = table.ranges[table.columns[column]]
            lowest, highest = other.ranges[other.columns[column]]
            if not lowest <= least <= greatest <= highest:
                return False
        return True


def _find_kind(table: _Table, other: _Table) -> Kind:
    one, two = table.grid, other.grid
    if one.header == two.header and one.rows == two.rows:
        return "exact"
    same = list(table.columns) == list(other.columns) and _fold_rows(one) == _fold_rows(two)
    return "folded" if same else "contained"


def _fold_rows(grid: Grid) -> list[tuple[str, ...]]:
    return [tuple(map(_fold_cell, row)) for row in grid.rows]


def _fold_cell(cell: str) -> str:
    return " ".join(fold(cell).split())
