"""Compares matched columns row by row: only what holds the same cell in each row may carry a query over.

Sets of values are not enough: exchanged names ("home_team" and "away_team"), flags turned round and codes that changed
places leave every set as it was. So rows are joined by a key, exact cells are compared by their hashes, and one cell
that differs is enough for a doubt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..schema.schema import ColumnRef
from .opposites import may_differ
from .profile import exact_hashes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ..schema.schema import Schema
    from .profile import ColumnProfile
    from .result import Match

__all__ = ["RowCheck", "TablePair"]

_FEW = 10  # rows from which on equal cells are evidence whatever the names are
_LEAST_SHARED = 0.5  # share of the sampled rows that both sides have to hold
_NULL = exact_hashes([None])[0]


@dataclass(frozen=True, slots=True)
class TablePair:
    """What comparing the rows of a source table with those of a target table showed.

    Attributes:
        equal: Columns of the source whose cells are the same in every row that was compared.
        covered: Every row of the source table is found in the target table, once.
        reason: Why columns could not be compared, in a few words; "" where they were.
    """

    equal: frozenset[ColumnRef] = frozenset()
    covered: bool = False
    reason: str = ""


@dataclass(frozen=True)
class _Join:
    """Rows of the target that hold a key of the source.

    Attributes:
        here, there: int64 (n,): places of the joined rows in both tables.
        missing: Places of source rows without a partner; empty where that is not known, or rows come several times.
        covered: As in `TablePair`.
    """

    here: NDArray[np.int64]
    there: NDArray[np.int64]
    missing: NDArray[np.int64]
    covered: bool


@dataclass(frozen=True)
class RowCheck:
    """Compares the rows of every pair of tables that sure columns join."""

    schemas: tuple[Schema, Schema]
    profiles: tuple[Mapping[ColumnRef, ColumnProfile], Mapping[ColumnRef, ColumnProfile]]

    def compare(self, columns: Mapping[ColumnRef, Match]) -> dict[tuple[str, str], TablePair]:
        """By names of source and target table; only pairs of tables of which both were read."""
        grouped: dict[tuple[str, str], dict[ColumnRef, ColumnRef]] = {}
        for ref, match in columns.items():
            grouped.setdefault((ref.table, match.target.table), {})[ref] = match.target
        return {tables: self._compare(tables, pairs, columns) for tables, pairs in grouped.items()}

    def _compare(
        self, tables: tuple[str, str], pairs: Mapping[ColumnRef, ColumnRef], columns: Mapping[ColumnRef, Match]
    ) -> TablePair:
        read = {
            one: two
            for one, two in pairs.items()
            if self._cells(0, one) is not None and self._cells(1, two) is not None
        }
        if not read:
            return TablePair(reason="its values were not read")
        sizes = [{len(self._read(side, ref)) for ref in refs} for side, refs in enumerate((read, read.values()))]
        if any(len(lengths) > 1 for lengths in sizes):
            return TablePair(reason="its columns were given with different numbers of rows")
        here, there = (min(lengths) for lengths in sizes)
        whole = tuple(
            all(self.profiles[side][ref].whole for ref in refs) for side, refs in enumerate((read, read.values()))
        )
        if not here or not there:
            return TablePair(reason="there are no rows to compare")
        join = max(
            (found for keys in self._keys(tables, read, columns) if (found := self._join(*keys, whole)) is not None),
            key=lambda found: (found.covered, len(np.unique(found.here))),
            default=None,
        )
        if join is None:
            return (
                self._compare_all(read) if all(whole) and here == there else TablePair(reason="no key joins its rows")
            )
        equal = {one for one, two in read.items() if self._is_equal(one, two, join)}
        return TablePair(frozenset(equal), join.covered)

    def _keys(
        self, tables: tuple[str, str], read: Mapping[ColumnRef, ColumnRef], columns: Mapping[ColumnRef, Match]
    ) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint64]]]:
        """Hashes of keys that may join the rows: the primary key, what refers to it, any column without repeats."""
        primary = [ColumnRef(tables[0], name) for name in self.schemas[0].table(tables[0]).primary_key]
        if primary and all(ref in read for ref in primary):
            yield self._combined(0, primary), self._combined(1, [read[ref] for ref in primary])
        elif len(primary) == 1 and primary[0] in columns and self._cells(0, primary[0]) is not None:
            # Of a split table the second part has its own key, which refers to that of the first.
            for name in self.schemas[1].table(tables[1]).primary_key:
                key = ColumnRef(tables[1], name)
                if self._cells(1, key) is not None and self._refers(key, columns[primary[0]].target):
                    yield self._read(0, primary[0]), self._read(1, key)
        for one, two in read.items():
            if self.profiles[0][one].unique and self.profiles[1][two].unique and [one] != primary:
                yield self._read(0, one), self._read(1, two)

    def _refers(self, one: ColumnRef, two: ColumnRef) -> bool:
        return self.profiles[1][one].refers == two or self.profiles[1][two].refers == one

    def _join(self, left: NDArray[np.uint64], right: NDArray[np.uint64], whole: tuple[bool, ...]) -> _Join | None:
        order = np.argsort(left, kind="stable")
        keys = left[order]
        if len(keys) > 1 and (keys[1:] == keys[:-1]).any():
            return None
        places = np.minimum(np.searchsorted(keys, right), len(keys) - 1)
        there = np.flatnonzero(keys[places] == right)
        here = order[places[there]]
        found = np.unique(here)
        once = len(found) == len(here)
        if not len(found) or (not all(whole) and len(found) < _LEAST_SHARED * min(len(left), len(right))):
            return None
        lost = np.setdiff1d(np.arange(len(left)), found)
        covered = once and (not len(lost) if all(whole) else not any(whole))
        return _Join(here, there, lost if whole[1] and once else lost[:0], covered)

    def _is_equal(self, one: ColumnRef, two: ColumnRef, join: _Join) -> bool:
        left, right = self._read(0, one), self._read(1, two)
        if not np.array_equal(left[join.here], right[join.there]) or not (left[join.missing] == _NULL).all():
            return False
        # Few rows, or one value in all of them, are like many columns: then the names must not speak against it.
        weak = len(np.unique(left[join.here])) < 2 or len(np.unique(join.here)) < _FEW
        return not (weak and may_differ(one.column, two.column))

    def _compare_all(self, read: Mapping[ColumnRef, ColumnRef]) -> TablePair:
        """Without a key: the same rows, counted, over all columns that hold the same values as often."""
        same = {
            one: two
            for one, two in read.items()
            if np.array_equal(np.sort(self._read(0, one)), np.sort(self._read(1, two)))
        }
        if not same:
            return TablePair(reason="no key joins its rows, and its values are others")
        rows = [np.sort(self._combined(side, list(refs))) for side, refs in enumerate((same, same.values()))]
        if not np.array_equal(rows[0], rows[1]):
            return TablePair(reason="no key joins its rows, and its rows are others")
        few = len(rows[0]) < _FEW
        weak = {one for one in same if few or len(np.unique(self._read(0, one))) < 2}
        equal = {one for one, two in same.items() if one not in weak or not may_differ(one.column, two.column)}
        return TablePair(frozenset(equal), covered=True)

    def _cells(self, side: int, ref: ColumnRef) -> NDArray[np.uint64] | None:
        profile = self.profiles[side].get(ref)
        return None if profile is None else profile.cells

    def _read(self, side: int, ref: ColumnRef) -> NDArray[np.uint64]:
        cells = self._cells(side, ref)
        return np.empty(0, dtype=np.uint64) if cells is None else cells

    def _combined(self, side: int, refs: Sequence[ColumnRef]) -> NDArray[np.uint64]:
        """One hash for each row over several columns, whose order counts."""
        rows = np.zeros(len(self._read(side, refs[0])), dtype=np.uint64)
        for ref in refs:
            rows = (rows ^ (rows >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + self._read(side, ref)
        return rows
