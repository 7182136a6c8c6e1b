"""The arrays of one version of a value index in Redis: hashes of small blocks, each behind a checksum.

    keys, bands       entries of one interval of keys; the intervals are equal, and a power of two of them
    sketches, text    those of some rows in order; before the bytes of the values stand the places where they end

All blocks are there, the empty ones too, so that one that is missing was lost, and is never taken for an empty one.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError
from ctxprune.storage.sealed import unseal_bytes

from .index_builder import column_starts
from .minhash import BANDS, LENGTHS
from .stores import rows_if_few

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from ctxprune.storage.redis import RedisServer

    from .index_arrays import IndexArrays
    from .stores import Seen

__all__ = ["ARRAYS", "PUBLISH", "RedisStore", "blocks", "counts"]

ARRAYS = ("keys", "bands", "sketches", "text")
PUBLISH = "publish it again, with maxmemory-policy noeviction"

_ROWS = 16
_ENTRIES = 32
_MOST_BITS = 32 - (LENGTHS - 1).bit_length()  # the lengths that `near` asks for lie in one interval
_ROW = np.uint64(0xFFFFFFFF)
_LARGE = 4096  # bytes of a block
_KEPT = 64 << 20  # bytes of large blocks of one array, in each worker


def counts(part: IndexArrays) -> dict[str, int]:
    """How many blocks each array has."""
    rows = -(-len(part.ends) // _ROWS)
    return {
        "keys": 1 << _bits(len(part.keys)),
        "bands": BANDS << _bits(part.bands.shape[1]),
        "sketches": rows,
        "text": rows,
    }


def blocks(part: IndexArrays, array: str) -> Iterator[bytes]:
    """The blocks of an array, in order."""
    if array in {"keys", "bands"}:
        for entries in [part.keys] if array == "keys" else part.bands:
            yield from _intervals(entries)
        return
    for first in range(0, len(part.ends), _ROWS):
        last = min(first + _ROWS, len(part.ends))
        if array == "sketches":
            yield part.sketches[first:last].astype("<u8").tobytes()
        else:
            start = int(part.ends[first - 1]) if first else 0
            ends = part.ends[first:last] - start
            yield ends.astype("<u4").tobytes() + part.text[start : start + int(ends[-1])].tobytes()


def _intervals(entries: NDArray[np.uint64]) -> Iterator[bytes]:
    bits = _bits(len(entries))
    starts = np.searchsorted(entries, np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)) if bits else [0]
    for first, last in zip(starts, [*starts[1:], len(entries)], strict=True):
        yield entries[first:last].astype("<u8").tobytes()


def _bits(n_entries: int) -> int:
    return min(_MOST_BITS, (n_entries // _ENTRIES).bit_length())


class _Blocks:
    """One array; safe to share between threads. A version never changes, so large blocks, which hold what many values
    have in common and many questions ask for, are kept once they are read.

    Args:
        server: Where it is.
        key: Of its hash.
        n: Its blocks.
    """

    def __init__(self, server: RedisServer, key: str, n: int) -> None:
        self.server, self.key, self.n = server, key, n
        self._kept: dict[int, bytes] = {}  # the ones asked for last are last
        self._size = 0
        self._lock = threading.Lock()

    def read(self, numbers: NDArray[np.int64]) -> list[bytes]:
        """Blocks by number, no number twice; all that are not kept are asked for in one go.

        Raises:
            FormatError: One is missing or damaged.
            StoreError: Redis cannot be reached or refuses.
        """
        wanted = numbers.tolist()
        with self._lock:
            found = {number: self._kept[number] for number in wanted if number in self._kept}
        missing = [number for number in wanted if number not in found]
        if missing:
            with self.server.reported():
                blocks = self.server.client.hmget(self.key, missing)
            found |= {number: self._content(number, block) for number, block in zip(missing, blocks, strict=True)}
        self._keep({number: block for number, block in found.items() if len(block) >= _LARGE})
        return [found[number] for number in wanted]

    def _keep(self, large: dict[int, bytes]) -> None:
        with self._lock:
            for number, block in large.items():
                self._size += len(block) - len(self._kept.pop(number, b""))
                self._kept[number] = block
            while self._size > _KEPT:
                self._size -= len(self._kept.pop(next(iter(self._kept))))

    def _content(self, name: int, block: bytes | None) -> bytes:
        if block is None:
            raise self.damaged(f"block {name} is missing: it expired, or Redis evicted it")
        try:
            return unseal_bytes(f"{self.key}:{name}", block)
        except ValueError:
            raise self.damaged(f"block {name} is damaged") from None

    def damaged(self, what: str) -> FormatError:
        """An error about this array."""
        return FormatError(
            f"the value index in Redis is not whole: {what}", where=f"{self.server.place} {self.key}", hint=PUBLISH
        )


class RedisStore:
    """Looks up in one version of an index in Redis; see `ValueStore`. Every method raises what `_Blocks.read` does.

    Args:
        server: Where it is.
        prefix: Of its keys.
        manifest: Its manifest.
    """

    def __init__(self, server: RedisServer, prefix: str, manifest: Mapping[str, Any]) -> None:
        counts_of_blocks = manifest["blocks"]
        self._keys, self._bands, self._sketches, self._text = (
            _Blocks(server, f"{prefix}:{array}", int(counts_of_blocks[array])) for array in ARRAYS
        )
        self._column_starts = column_starts(manifest)
        self._n_rows = int(self._column_starts[-1])

    def find(self, keys: NDArray[np.uint32]) -> list[NDArray[np.uint32]]:
        """As `ValueStore.find`."""
        numbers = np.unique(_interval(keys, self._keys.n))
        entries = self._entries(self._keys, self._keys.read(numbers))
        first, last = _bounds(entries, keys, keys)
        return [_rows(entries[a:b]) for a, b in zip(first.tolist(), last.tolist(), strict=True)]

    def near(
        self, low: NDArray[np.uint32], high: NDArray[np.uint32], *, most: int, seen: Seen | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
        """As `ValueStore.near`."""
        width = self._bands.n // BANDS
        wanted = [np.unique(_interval(keys, width)) for keys in low]
        numbers = np.concatenate([band * width + mine for band, mine in enumerate(wanted)])
        found = self._bands.read(numbers)
        texts, rows = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.uint32)]
        at = 0
        for mine, lows, highs in zip(wanted, low, high, strict=True):
            entries = self._entries(self._bands, found[at : at + len(mine)])
            at += len(mine)
            first, last = _bounds(entries, lows, highs)
            for text in np.flatnonzero((last > first) & ((last - first <= most) | (seen is not None))).tolist():
                here = _rows(entries[first[text] : last[text]])
                rows.append(here if seen is None else rows_if_few(here, seen, most))
                texts.append(np.full(len(rows[-1]), text))
        return np.concatenate(texts), np.concatenate(rows)

    def sketches(self, rows: NDArray[np.uint32]) -> NDArray[np.uint64]:
        """As `ValueStore.sketches`."""
        numbers, places = self._blocks_of(self._sketches, rows)
        joined = b"".join(self._sketches.read(numbers))
        if len(joined) != 16 * sum(map(self._rows_in, numbers.tolist())):
            raise self._sketches.damaged("a block has another size")
        sketches = np.frombuffer(joined, dtype="<u8").reshape(-1, 2)
        asked: NDArray[np.uint64] = sketches[places * _ROWS + rows % _ROWS]  # only the last block is shorter
        return asked

    def values(self, rows: NDArray[np.uint32]) -> list[tuple[int, str]]:
        """As `ValueStore.values`."""
        at = rows.astype(np.int64)
        numbers, places = self._blocks_of(self._text, rows)
        texts = [self._texts(*block) for block in zip(numbers.tolist(), self._text.read(numbers), strict=True)]
        columns = np.searchsorted(self._column_starts, at, "right") - 1
        return [
            (column, texts[place][row])
            for column, place, row in zip(columns.tolist(), places.tolist(), (at % _ROWS).tolist(), strict=True)
        ]

    def _entries(self, array: _Blocks, found: list[bytes]) -> NDArray[np.uint64]:
        """The entries of rising intervals, which are sorted once they are joined."""
        joined = b"".join(found)
        if len(joined) % 8:
            raise array.damaged("a block has another size")
        entries: NDArray[np.uint64] = np.frombuffer(joined, dtype="<u8")
        return entries

    def _blocks_of(self, array: _Blocks, rows: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of the blocks that hold some rows, rising, and for each row the place of its block among them."""
        if len(rows) and int(rows.max()) >= self._n_rows:
            raise array.damaged("a row is asked for that is not there")
        numbers, places = np.unique(rows.astype(np.int64) // _ROWS, return_inverse=True)
        return numbers, places

    def _rows_in(self, number: int) -> int:
        return min(_ROWS, self._n_rows - number * _ROWS)

    def _texts(self, number: int, block: bytes) -> list[str]:
        n = self._rows_in(number)
        text = block[4 * n :]
        ends = np.frombuffer(block[: 4 * n], dtype="<u4").tolist() if len(block) >= 4 * n else []
        if not ends or ends != sorted(ends) or ends[-1] != len(text):
            raise self._text.damaged(f"block {number} has another size")
        try:
            return [text[a:b].decode("utf-8", "surrogatepass") for a, b in zip([0, *ends], ends, strict=False)]
        except UnicodeDecodeError as error:
            raise self._text.damaged(f"block {number} is no text") from error


def _interval(keys: NDArray[np.uint32], n: int) -> NDArray[np.int64]:
    return keys.astype(np.int64) >> (32 - (n.bit_length() - 1))


def _bounds(
    entries: NDArray[np.uint64], low: NDArray[np.uint32], high: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last + 1 place of the entries whose keys lie from `low` to `high`."""
    first = np.searchsorted(entries, low.astype(np.uint64) << np.uint64(32))
    return first, np.searchsorted(entries, (high.astype(np.uint64) << np.uint64(32)) | _ROW, "right")


def _rows(entries: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """The lower halves, without a copy."""
    return entries.view("<u4")[::2]
