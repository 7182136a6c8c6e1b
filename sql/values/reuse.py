"""Reuse of an existing index: which of its rows go into the new one unchanged."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np

from .index_arrays import DROPPED, MergeSource

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ..schema.schema import ColumnRef
    from .stores import ValueStore

__all__ = ["PreviousColumn", "PreviousIndex"]

_BLOCK = 20_000


class PreviousIndex:
    """Rows of an existing index, and the rows of the new one that they become.

    Args:
        store: Its values; None for an empty index.
        read: Its arrays by name, as `MergeSource.read`.
        columns: The first row and the last row + 1 of each column, and whether the LSH stage may find its values; None
            for a masked column, of which nothing is reused.

    Attributes:
        new_rows: uint32 (n_values,), the row in the new index, or `DROPPED`.
    """

    def __init__(
        self,
        store: ValueStore | None,
        read: Callable[[str], NDArray[Any]],
        columns: Mapping[ColumnRef, tuple[int, int, bool | None]],
    ) -> None:
        self._store, self._read, self._columns = store, read, columns
        total = max((last for _first, last, _fuzzy in columns.values()), default=0)
        self.new_rows = np.full(total, DROPPED, dtype=np.uint32)

    @classmethod
    def empty(cls) -> PreviousIndex:
        """No existing index: everything is new."""
        return cls(None, _no_array, {})

    def column(self, ref: ColumnRef, *, fuzzy: bool | None) -> PreviousColumn:
        """The values of a column, none where they were indexed in another way (`fuzzy`)."""
        first, last, was_fuzzy = self._columns.get(ref, (0, 0, fuzzy))
        if self._store is None or fuzzy is None or was_fuzzy != fuzzy:
            return PreviousColumn(None, 0, 0)
        return PreviousColumn(self._store, first, last)

    def reuse(self, rows: NDArray[np.int64], new: NDArray[np.uint32]) -> None:
        """Record that `rows` of the existing index become the rows `new`."""
        self.new_rows[rows] = new

    def sources(self) -> list[MergeSource]:
        """What goes into the merge; nothing where no row is reused."""
        return [MergeSource(self._read, self.new_rows)] if (self.new_rows != DROPPED).any() else []


class PreviousColumn:
    """The sorted values of one column of an existing index, read in step with those of the database."""

    def __init__(self, store: ValueStore | None, first: int, last: int) -> None:
        self._store, self._next, self._last = store, first, last
        self._values: list[str] = []
        self._first = first

    def rows(self, block: list[str]) -> NDArray[np.int64]:
        """The existing row of each value, -1 for a new one: int64 (n_values,). Blocks rise from call to call."""
        if not self._values and self._next >= self._last:
            return np.full(len(block), -1, dtype=np.int64)
        while self._next < self._last and (not self._values or self._values[-1] < block[-1]):
            self._read_on()
        # most blocks of an update have not changed, and comparing lists is faster than looking each value up
        known = len(block) if self._values[: len(block)] == block else bisect_right(self._values, block[-1])
        if self._values[:known] == block:
            found = np.arange(self._first, self._first + known)
        else:
            rows = {value: row for row, value in enumerate(self._values[:known], self._first)}
            found = np.array([rows.get(value, -1) for value in block], dtype=np.int64)
        self._first += known
        del self._values[:known]
        return found

    def _read_on(self) -> None:
        end = min(self._next + _BLOCK, self._last)
        rows = np.arange(self._next, end, dtype=np.uint32)
        self._values += [value for _column, value in self._store.values(rows)] if self._store is not None else []
        self._next = end


def _no_array(name: str) -> NDArray[Any]:
    raise KeyError(name)
