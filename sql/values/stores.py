"""Stores of a value index: the protocol, four methods over rows and 32-bit keys, and two implementations.

`ArrayStore` answers from the arrays of an index, in memory or memory-mapped from its directory (index_files.py).
`DictStore` answers from dictionaries; it is the plain reference, and the pattern for a key-value server: one list of
rows per key, one per band key, one sketch and one value per row. tests/sql/values/store_conformance.py tests what every
store must do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .block_checks import NoChecks
from .minhash import LENGTHS
from .postings import bounds, directory
from .spans import key_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from .index_arrays import IndexArrays
    from .postings import Starts

    Seen = Callable[[NDArray[np.uint32]], NDArray[np.bool_]]

__all__ = ["ArrayStore", "DictStore", "ValueStore", "rows_if_few"]

_UNCHECKED: Mapping[str, NoChecks] = defaultdict(NoChecks)
_NO_ROWS = np.empty(0, dtype=np.uint32)
_AT_ONCE = 16_384


class ValueStore(Protocol):
    """The values of an index by row, 0 to n_values - 1. Safe to share between threads."""

    def find(self, keys: NDArray[np.uint32]) -> list[NDArray[np.uint32]]:
        """For each key (keys.py) the rows filed under it, rising; empty where there are none."""
        ...

    def near(
        self, low: NDArray[np.uint32], high: NDArray[np.uint32], *, most: int, seen: Seen | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """The rows that share a band with some texts and are about as long.

        Args:
            low, high: uint32 (n_bands, n_texts), the band keys of each text with its least and its greatest length.
            most: Bands in which more rows than that share a text's key say little and are left out.
            seen: Of some rows, those that there are at all, bool (n,); others are neither counted nor given. None for
                all of them.

        Returns:
            Pairs of text number, int64 (n,), and row, uint32 (n,), in any order; the same pair once per shared band.
        """
        ...

    def sketches(self, rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """Bit sketch of the bigrams of each row, uint64 (n_rows, 2)."""
        ...

    def values(self, rows: NDArray[np.uint32]) -> list[tuple[int, str]]:
        """Column number and stored value of each row."""
        ...


class ArrayStore:
    """Looks up in the arrays of an index.

    Args:
        part: The arrays.
        column_starts: int64 (n_columns + 1,), the first row of each column, then the number of rows.
        key_starts: `postings.directory` of the keys; made where not given.
        band_starts: The same of each band, (n_bands, n).
        checks: By the names of a part's arrays, "key_starts" and "band_starts": what compares the blocks of an array on
            disk, flattened where it is one of bands, with their checksums; None for arrays that need no comparison.
            With it every method raises FormatError where it had to read what is damaged.
    """

    def __init__(
        self,
        part: IndexArrays,
        column_starts: NDArray[np.int64],
        key_starts: Starts | None = None,
        band_starts: Starts | None = None,
        checks: Mapping[str, NoChecks] | None = None,
    ) -> None:
        self.part, self._column_starts = part, column_starts
        self._checks = _UNCHECKED if checks is None else checks
        self._key_starts = directory(part.keys) if key_starts is None else key_starts
        made: Any = [directory(band) for band in part.bands] if band_starts is None else ()
        self._band_starts: Starts = np.stack(made) if band_starts is None else band_starts
        self._key_rows, self._band_rows = _rows(part.keys), _rows(part.bands)

    def find(self, keys: NDArray[np.uint32]) -> list[NDArray[np.uint32]]:
        """As `ValueStore.find`; views of the array."""
        found = [_NO_ROWS] * len(keys)
        checks = self._checks["keys"], self._checks["key_starts"]
        first, last = bounds(self.part.keys, self._key_starts, keys, keys, checks=checks)
        checks[0].read_between(first, last)
        filled = np.flatnonzero(last > first)
        for k, a, b in zip(filled.tolist(), first[filled].tolist(), last[filled].tolist(), strict=True):
            found[k] = self._key_rows[a:b]
        return found

    def near(
        self, low: NDArray[np.uint32], high: NDArray[np.uint32], *, most: int, seen: Seen | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """As `ValueStore.near`."""
        checks = self._checks["bands"], self._checks["band_starts"]
        first, last = bounds(self.part.bands, self._band_starts, low, high, checks=checks)
        first, sizes = first.reshape(-1), (last - first).reshape(-1)
        chosen = np.flatnonzero((sizes > 0) & (sizes <= most))
        starts, few = first[chosen], sizes[chosen]
        checks[0].read_between(starts, starts + few)
        places = np.repeat(starts - np.cumsum(few) + few, few) + np.arange(few.sum())
        texts, rows = np.repeat(chosen % low.shape[1], few), self._band_rows[places]
        if seen is None:
            return texts, rows
        there = seen(rows)
        found_texts, found_rows = [texts[there]], [rows[there]]
        # a band that is too common for all may be rare among the visible rows; it must be judged by these alone, or
        # hidden values would decide on the answer
        for place in np.flatnonzero(sizes > most).tolist():  # few enough of them may be seen
            checks[0].read_between(first[place : place + 1], first[place : place + 1] + sizes[place])
            mine = rows_if_few(self._band_rows[first[place] : first[place] + sizes[place]], seen, most)
            found_texts.append(np.full(len(mine), place % low.shape[1], dtype=np.int64))
            found_rows.append(mine)
        return np.concatenate(found_texts), np.concatenate(found_rows)

    def sketches(self, rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """As `ValueStore.sketches`."""
        self._checks["sketches"].read(rows.astype(np.int64))
        return self.part.sketches[rows]

    def values(self, rows: NDArray[np.uint32]) -> list[tuple[int, str]]:
        """As `ValueStore.values`."""
        part = self.part
        at = rows.astype(np.int64)
        before = np.maximum(at - 1, 0)
        self._checks["ends"].read_between(before, at + 1)
        ends = part.ends[at]
        starts = np.where(at > 0, part.ends[before], 0)
        self._checks["text"].read_between(starts, ends)
        columns = np.searchsorted(self._column_starts, at, "right") - 1
        return [
            (column, part.text[a:b].tobytes().decode("utf-8", "surrogatepass"))
            for column, a, b in zip(columns.tolist(), starts.tolist(), ends.tolist(), strict=True)
        ]

    def whole(self) -> IndexArrays:
        """The arrays, all of which are compared with their checksums first."""
        for name in self.part.names():
            self._checks[name].read_all()
        return self.part


class DictStore:
    """Looks up in dictionaries.

    Args:
        keys: Rising rows by key.
        bands: For each band, rows by band key.
        sketches: By row.
        values: Column number and value by row.
    """

    def __init__(
        self,
        keys: Mapping[int, Sequence[int]],
        bands: Sequence[Mapping[int, Sequence[int]]],
        sketches: Mapping[int, tuple[int, int]],
        values: Mapping[int, tuple[int, str]],
    ) -> None:
        self._keys, self._bands, self._sketches, self._values = keys, bands, sketches, values

    @classmethod
    def of(cls, part: IndexArrays, column_starts: NDArray[np.int64]) -> DictStore:
        """The same index as its arrays."""
        rows = np.arange(len(part.ends), dtype=np.uint32)
        sketches = {row: (a, b) for row, (a, b) in enumerate(part.sketches.tolist())}
        values = dict(enumerate(ArrayStore(part, column_starts).values(rows)))
        return cls(_grouped(part.keys), [_grouped(band) for band in part.bands], sketches, values)

    def find(self, keys: NDArray[np.uint32]) -> list[NDArray[np.uint32]]:
        """As `ValueStore.find`."""
        return [np.array(self._keys.get(key, ()), dtype=np.uint32) for key in keys.tolist()]

    def near(
        self, low: NDArray[np.uint32], high: NDArray[np.uint32], *, most: int, seen: Seen | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """As `ValueStore.near`."""
        pairs: list[tuple[int, int]] = []
        for band, lows, highs in zip(self._bands, low.tolist(), high.tolist(), strict=True):
            for text, (a, b) in enumerate(zip(lows, highs, strict=True)):
                rows = [row for key in range(a, min(b, a | (LENGTHS - 1)) + 1) for row in band.get(key, ())]
                rows = rows_if_few(np.array(rows, dtype=np.uint32), seen, most).tolist() if seen and rows else rows
                pairs += [(text, row) for row in rows] if len(rows) <= most else []
        return (
            np.array([text for text, _row in pairs], dtype=np.int64),
            np.array([row for _text, row in pairs], dtype=np.uint32),
        )

    def sketches(self, rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """As `ValueStore.sketches`."""
        return np.array([self._sketches[row] for row in rows.tolist()], dtype=np.uint64).reshape(-1, 2)

    def values(self, rows: NDArray[np.uint32]) -> list[tuple[int, str]]:
        """As `ValueStore.values`."""
        return [self._values[row] for row in rows.tolist()]


class ValueReader:
    """Stored values by row, each read once.

    Attributes:
        columns: Column number by row, of the rows that were read.
    """

    def __init__(self, store: ValueStore) -> None:
        self._store = store
        self._values: dict[int, str] = {}
        self._words: dict[int, list[str]] = {}
        self.columns: dict[int, int] = {}

    def read(self, rows: Iterable[int]) -> None:
        """Read rows that will be asked for, all at once."""
        wanted = [row for row in dict.fromkeys(rows) if row not in self._values]
        if wanted:
            for row, (column, value) in zip(wanted, self._store.values(np.array(wanted, dtype=np.uint32)), strict=True):
                self.columns[row], self._values[row] = column, value

    def value(self, row: int) -> str:
        """The stored value of one row."""
        if row not in self._values:
            self.read((row,))
        return self._values[row]

    def words(self, row: int) -> list[str]:
        """Its folded words."""
        if row not in self._words:
            self._words[row] = key_words(self.value(row))
        return self._words[row]


def rows_if_few(rows: NDArray[np.uint32], seen: Seen, most: int) -> NDArray[np.uint32]:
    """The rows that `seen` accepts; none where there are more than `most` of them."""
    found, count = [_NO_ROWS], 0
    for start in range(0, len(rows), _AT_ONCE):  # a common band may hold a million rows: stop once it is too many
        some = rows[start : start + _AT_ONCE]
        found.append(some[seen(some)])
        count += len(found[-1])
        if count > most:
            return _NO_ROWS
    return np.concatenate(found)


def _rows(entries: NDArray[np.uint64]) -> NDArray[Any]:
    """The lower halves of entries, without a copy."""
    return entries.reshape(-1).view("<u4")[::2]


def _grouped(entries: NDArray[np.uint64]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = defaultdict(list)
    for entry in entries.tolist():
        found[entry >> 32].append(entry & 0xFFFFFFFF)
    return dict(found)
