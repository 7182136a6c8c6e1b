"""Tables that are contained in others, and rows that come again.

The ladder for tables is that of R2D2 (Shah et al., "R2D2: Reducing Redundancy and Duplication in Data Lakes", PACMMOD
2023): containment of the schema, then of the ranges of the columns, then of the rows. Each step is cheaper than the
next one and rules out what cannot be contained; where R2D2 samples rows in the last step, all are compared here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune._checks import is_number
from ctxprune.errors import UsageError
from ctxprune.grid import Grid
from ctxprune.text import fold

from .report import Deduplicated, Merge

if TYPE_CHECKING:
    from .report import Kind

__all__ = ["deduplicate_rows", "deduplicate_tables"]

_EPSILON = 1e-9


def deduplicate_rows(rows: Iterable[Sequence[str]]) -> Deduplicated:
    """Rows that come again; the first of equal ones stays.

    Rows are equal where all their cells are, apart from case, accents and the amount of white space ("folded"; "exact"
    where every byte is the same). Nearly equal rows are left alone: one other number makes another fact.

    Raises:
        UsageError: `rows` are no rows of texts.
    """
    first: dict[tuple[str, ...], tuple[int, tuple[str, ...]]] = {}
    merges = []
    size = 0
    for index, row in enumerate(rows):
        if isinstance(row, str) or not isinstance(row, Sequence) or not all(isinstance(cell, str) for cell in row):
            raise UsageError(f"row {index} is no list of texts", hint="give rows such as Grid.rows")
        size += 1
        cells = tuple(row)
        into, same = first.setdefault(tuple(map(_folded, cells)), (index, cells))
        if into != index:
            merges.append(Merge(index, into, "exact" if cells == same else "folded", 1.0))
    return Deduplicated(size, tuple(merges))


def deduplicate_tables(tables: Iterable[Grid], *, containment: float = 1.0) -> Deduplicated:
    """Tables of which another one has all columns and (nearly) all rows; the largest stays, ties to the first.

    Columns are matched by their folded headers (the second of the same name with the second), in any order; rows as in
    `deduplicate_rows`, in any order and number. A table without rows is contained where its columns are; one without
    columns is left alone. "exact" and "folded" are tables of the same columns and rows in the same order.

    Args:
        tables: Any number.
        containment: Least share of a table's different rows that are in the other one, over 0, up to 1.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
    """
    if not is_number(containment) or not 0 < containment <= 1:
        raise UsageError(f"containment is {containment!r}", hint="give a number over 0, up to 1")
    read = []
    for index, grid in enumerate(tables):
        if not isinstance(grid, Grid):
            raise UsageError(f"table {index} is a {type(grid).__name__}", hint="give ctxprune.grid.Grid objects")
        read.append(_Table(index, grid))
    counts = Counter(column for table in read for column in table.columns)
    holders: defaultdict[tuple[str, int], list[_Table]] = defaultdict(list)  # by column the tables that stay
    merges = []
    for table in sorted(read, key=lambda one: (-len(one.columns) * len(one.rows), one.index)):
        rarest = min(table.columns, key=lambda column: (counts[column], column), default=None)
        near = holders[rarest] if rarest is not None else []
        found = next((merge for other in near if (merge := _merge(table, other, containment)) is not None), None)
        if found is not None:
            merges.append(found)
            continue
        for column in table.columns:
            holders[column].append(table)
    return Deduplicated(len(read), tuple(sorted(merges, key=lambda merge: merge.index)))


@dataclass
class _Table:
    """A table with folded cells, and what was worked out about it."""

    index: int
    grid: Grid
    columns: dict[tuple[str, int], int] = field(init=False)  # folded header and how many of it came before: its place
    rows: dict[tuple[str, ...], None] = field(init=False)  # different ones, in order
    ranges: list[tuple[str, str]] = field(init=False)  # of each column the least and the greatest folded cell
    _parts: dict[tuple[int, ...], frozenset[tuple[str, ...]]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        seen: Counter[str] = Counter()
        self.columns = {}
        for place, name in enumerate(map(_folded, self.grid.header)):
            self.columns[name, seen[name]] = place
            seen[name] += 1
        self.rows = dict.fromkeys(tuple(map(_folded, row)) for row in self.grid.rows)
        self.ranges = [(min(cells), max(cells)) for cells in zip(*self.rows, strict=True)]

    def part(self, places: tuple[int, ...]) -> frozenset[tuple[str, ...]]:
        """The rows with these columns only."""
        if places not in self._parts:
            self._parts[places] = frozenset(tuple(row[place] for place in places) for row in self.rows)
        return self._parts[places]


def _merge(table: _Table, other: _Table, containment: float) -> Merge | None:
    """Step by step whether `table` is contained in `other`."""
    if not table.columns.keys() <= other.columns.keys():
        return None
    places = tuple(other.columns[column] for column in table.columns)
    if containment == 1 and not _within(table, other, places):
        return None
    held = other.part(places)
    common = sum(row in held for row in table.rows)
    share = common / len(table.rows) if table.rows else 1.0
    if share < containment - _EPSILON:
        return None
    return Merge(table.index, other.index, _kind(table, other), share)


def _within(table: _Table, other: _Table, places: tuple[int, ...]) -> bool:
    if not other.rows:
        return not table.rows
    return all(
        other.ranges[place][0] <= least and greatest <= other.ranges[place][1]
        for (least, greatest), place in zip(table.ranges, places, strict=False)  # no ranges without rows
    )


def _kind(table: _Table, other: _Table) -> Kind:
    one, two = table.grid, other.grid
    if one.header == two.header and one.rows == two.rows:
        return "exact"
    same = list(table.columns) == list(other.columns) and _rows(one) == _rows(two)
    return "folded" if same else "contained"


def _rows(grid: Grid) -> list[tuple[str, ...]]:
    return [tuple(map(_folded, row)) for row in grid.rows]


def _folded(cell: str) -> str:
    return " ".join(fold(cell).split())
