"""The index that was there before: which of its rows the new one takes over."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np

from .build import DROPPED, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ..schema.schema import ColumnRef
    from .stores import ValueStore

__all__ = ["Before", "Older"]

_BLOCK = 20_000


class Older:
    """Rows of an older index, and where they go.

    Args:
        store: Its values; None for an index of nothing.
        read: Its arrays by name, as `Source.read`.
        columns: The first row and the last row + 1 of each column, and whether the LSH stage may find its values; None
            for a masked column, of which nothing is taken.

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
    def nothing(cls) -> Older:
        """No older index."""
        return cls(None, _no_array, {})

    def column(self, ref: ColumnRef, *, fuzzy: bool | None) -> Before:
        """What the older index holds of a column, as far as it was filed in the same way."""
        first, last, was_fuzzy = self._columns.get(ref, (0, 0, fuzzy))
        if self._store is None or fuzzy is None or was_fuzzy != fuzzy:
            return Before(None, 0, 0)
        return Before(self._store, first, last)

    def take(self, rows: NDArray[np.int64], new: NDArray[np.uint32]) -> None:
        """Rows of the older index go on as rows of the new one."""
        self.new_rows[rows] = new

    def sources(self) -> list[Source]:
        """What goes into the merge; nothing where no row was taken."""
        return [Source(self._read, self.new_rows)] if (self.new_rows != DROPPED).any() else []


class Before:
    """The sorted values of one column of an older index, read side by side with the new ones."""

    def __init__(self, store: ValueStore | None, first: int, last: int) -> None:
        self._store, self._next, self._last = store, first, last
        self._values: list[str] = []
        self._first = first

    def rows(self, block: list[str]) -> NDArray[np.int64]:
        """The older row of each value, -1 for a new one: int64 (n_values,). Blocks rise from call to call."""
        if not self._values and self._next >= self._last:
            return np.full(len(block), -1, dtype=np.int64)
        while self._next < self._last and (not self._values or self._values[-1] < block[-1]):
            self._read_on()
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
