"""The arrays of a value index: made by pure functions over batches of values (map), then by one merge (reduce).

`map_batch` depends on its batch alone, `merge` on arrays and the rows that they become, and a merge of merges equals
one merge. All of it can be pickled, so that several processes, or a framework for distributed work, can run the same
functions.

An entry of a posting list is one uint64: the key in the upper half, the row in the lower one. Sorted entries are
sorted by key and then by row, and stay so when rows are renumbered without changing their order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import IndexBuildError

from .keys import value_keys
from .minhash import BANDS, Signer, band_keys
from .privacy import digest_keys
from .words import WordTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

__all__ = [
    "DROPPED",
    "IndexArrays",
    "MergeSource",
    "ValueBatch",
    "check_count",
    "concatenate",
    "map_batch",
    "merge",
    "merge_entries",
    "merge_rows",
    "merge_texts",
]

DROPPED = np.uint32(0xFFFFFFFF)
"""The new row of a value that is left out."""

_MOST_VALUES = 2**31
_SHORTEST_FUZZY, _LONGEST_FUZZY = 3, 60  # characters of the values that the LSH stage may find
_PIECE = 4_000_000  # entries that are merged at a time: 32 MB
_ROW_PIECE = 500_000  # rows whose texts are written at a time
_LOW = np.uint64(0xFFFFFFFF)  # the row of an entry


@dataclass(frozen=True)
class ValueBatch:
    """Distinct values of one column or of several, in the order of the index.

    Attributes:
        values: The values.
        fuzzy: bool (n_values,), whether the LSH stage may find it.
        masked: The values are digests of what must not be kept (privacy.py).
    """

    values: list[str]
    fuzzy: NDArray[np.bool_]
    masked: bool = False


@dataclass(frozen=True)
class IndexArrays:
    """Values in order, and what is looked up about them; rows count from the first value here.

    Attributes:
        text: uint8 (n_bytes,), UTF-8 of all values, end to end; lone surrogates are kept as three bytes.
        ends: int64 (n_values,), where each value ends in `text`.
        keys: uint64 (n_keys,), sorted entries: a row stands under each of its keys (keys.py).
        bands: uint64 (n_bands, n_fuzzy), entries of the values that the LSH stage may find (minhash.py), each band
            sorted.
        sketches: uint64 (n_values, 2), a bit for each character bigram.
    """

    text: NDArray[np.uint8]
    ends: NDArray[np.int64]
    keys: NDArray[np.uint64]
    bands: NDArray[np.uint64]
    sketches: NDArray[np.uint64]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Field names, in order."""
        return tuple(field.name for field in fields(cls))

    def array(self, name: str) -> NDArray[Any]:
        """One of the arrays, by its field name."""
        array: NDArray[Any] = getattr(self, name)  # of a name that is read from a file or from `names`
        return array

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(self.array(name).nbytes for name in self.names())


@dataclass(frozen=True)
class MergeSource:
    """Arrays to be merged, and the row that each of their rows becomes.

    Attributes:
        read: Gives one of the arrays by its name; called whenever a piece of it is needed, so that an array on
            disk need not stay mapped.
        rows: uint32 (n_values,), the new row of each value, or `DROPPED`; the other numbers rise.
    """

    read: Callable[[str], NDArray[Any]]
    rows: NDArray[np.uint32]

    @classmethod
    def of(cls, part: IndexArrays, rows: NDArray[np.uint32]) -> MergeSource:
        """Arrays in memory."""
        return cls(part.array, rows)


def map_batch(batch: ValueBatch, signer: Signer) -> IndexArrays:
    """The arrays of one batch: values under their keys, and band keys of those that the LSH stage may find."""
    values = batch.values
    if batch.masked:
        return _map_masked(values)
    encoded = [value.encode("utf-8", "surrogatepass") for value in values]
    table = WordTable.of(values)
    worded = np.flatnonzero(table.counts)
    codes, lengths = table.marked(worded)
    signed = signer.sign_marked(codes, lengths)
    sketches = np.zeros((len(values), 2), dtype=np.uint64)
    sketches[worded] = signed.sketches
    lengths = lengths - 2
    close = (lengths >= _SHORTEST_FUZZY) & (lengths <= _LONGEST_FUZZY)
    close &= batch.fuzzy[worded] & ~table.all_digits()[worded]
    bands = band_keys(signed.signatures[close], lengths[close]).astype(np.uint64) << np.uint64(32)
    bands |= worded[close].astype(np.uint64)
    bands.sort(axis=1)
    return IndexArrays(
        text=np.frombuffer(b"".join(encoded), dtype=np.uint8),
        ends=np.cumsum(np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded)), dtype=np.int64),
        keys=value_keys(values, table),
        bands=bands,
        sketches=sketches,
    )


def _map_masked(digests: Sequence[str]) -> IndexArrays:
    """Rows without text: each under the key of its digest, with the digest in the place of its sketch."""
    rows = np.arange(len(digests), dtype=np.uint64)
    keys, sketches = digest_keys(digests)
    return IndexArrays(
        text=np.empty(0, dtype=np.uint8),
        ends=np.zeros(len(digests), dtype=np.int64),
        keys=np.sort((keys.astype(np.uint64) << np.uint64(32)) | rows),
        bands=np.empty((BANDS, 0), dtype=np.uint64),
        sketches=sketches,
    )


def concatenate(parts: Sequence[IndexArrays]) -> list[MergeSource]:
    """Sources that keep all rows, those of each part behind those of the parts before it."""
    firsts = np.cumsum([0, *(len(part.ends) for part in parts)])
    return [
        MergeSource.of(part, np.arange(first, first + len(part.ends), dtype=np.uint32))
        for part, first in zip(parts, firsts.tolist(), strict=False)
    ]


def check_count(n_values: int) -> None:
    """Check that rows can be numbered in 32 bits.

    Raises:
        IndexBuildError: There are 2**31 values or more.
    """
    if n_values >= _MOST_VALUES:
        raise IndexBuildError(f"{n_values} values are more than one index holds", hint="exclude columns")


def merge(sources: Sequence[MergeSource]) -> IndexArrays:
    """Merge all sources in memory.

    Raises:
        IndexBuildError: There are more than 2**31 values.
    """
    texts = list(merge_texts(sources))
    bands = _merge_bands(sources)
    return IndexArrays(
        text=_joined([text for text, _ends in texts], np.uint8),
        ends=_joined([ends for _text, ends in texts], np.int64),
        keys=_joined(list(merge_entries(sources, "keys")), np.uint64),
        bands=bands,
        sketches=_joined(list(merge_rows(sources, "sketches")), np.uint64).reshape(-1, 2),
    )


def _merge_bands(sources: Sequence[MergeSource]) -> NDArray[np.uint64]:
    found = [np.empty((BANDS, 0), dtype=np.uint64)]
    for source in sources:
        entries = np.array(source.read("bands"), dtype=np.uint64)
        rows = source.rows[(entries & _LOW).astype(np.intp)]
        entries &= ~_LOW
        entries |= rows
        found.append(entries[rows != DROPPED].reshape(BANDS, -1))  # a row is in all bands or in none
    joined = np.concatenate(found, axis=1)
    joined.sort(axis=1)
    return joined


def merge_entries(sources: Sequence[MergeSource], name: str, band: int | None = None) -> Iterator[NDArray[np.uint64]]:
    """The entries of all sources under their new rows, in sorted pieces of some four million; memory is bounded by
    that, and by the rows of a single key.
    """
    arrays = [_array(source, name, band) for source in sources]
    total = sum(len(array) for array in arrays)
    del arrays
    pieces = max(1, -(-total // _PIECE))
    # the range of keys is cut into equal intervals: keys are hashes, so each holds about as many entries
    cuts = [(step << 64) // pieces for step in range(pieces)]
    for low, high in zip(cuts, [*cuts[1:], None], strict=True):
        yield _piece(sources, name, band, (low, high))


def _piece(
    sources: Sequence[MergeSource], name: str, band: int | None, bounds: tuple[int, int | None]
) -> NDArray[np.uint64]:
    found = []
    for source in sources:
        array = _array(source, name, band)
        first = int(np.searchsorted(array, np.uint64(bounds[0])))
        last = len(array) if bounds[1] is None else int(np.searchsorted(array, np.uint64(bounds[1])))
        entries = np.array(array[first:last])
        rows = source.rows[(entries & _LOW).astype(np.intp)]
        entries &= ~_LOW
        entries |= rows
        found.append(entries[rows != DROPPED])
    joined = _joined(found, np.uint64)
    if len(found) > 1:  # new rows rise as old ones do, so the entries of one source are sorted already
        joined.sort()
    return joined


def merge_rows(sources: Sequence[MergeSource], name: str) -> Iterator[NDArray[Any]]:
    """What the sources hold for each new row, in pieces of half a million rows."""
    kept = [np.flatnonzero(source.rows != DROPPED) for source in sources]
    for first, last in _ranges(kept):
        out = None
        for source, mine in zip(sources, kept, strict=True):
            rows = _between(source, mine, first, last)
            array = source.read(name)
            out = np.zeros((last - first, *array.shape[1:]), dtype=array.dtype) if out is None else out
            out[source.rows[rows].astype(np.intp) - first] = array[rows]
        if out is not None:
            yield out


def merge_texts(sources: Sequence[MergeSource]) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Text, and the ends of the values in the whole text, of each piece of half a million rows."""
    kept = [np.flatnonzero(source.rows != DROPPED) for source in sources]
    written = 0
    for first, last in _ranges(kept):
        lengths = np.zeros(last - first, dtype=np.int64)
        chosen = []
        for source, mine in zip(sources, kept, strict=True):
            rows = _between(source, mine, first, last)
            ends = source.read("ends")
            starts = np.where(rows > 0, ends[np.maximum(rows - 1, 0)], 0) if len(ends) else np.zeros(0, np.int64)
            new = source.rows[rows].astype(np.intp) - first
            lengths[new] = ends[rows] - starts
            chosen.append((starts, new))
        ends = np.cumsum(lengths, dtype=np.int64)
        out = np.empty(int(ends[-1]) if len(ends) else 0, dtype=np.uint8)
        for source, (starts, new) in zip(sources, chosen, strict=True):
            _copy(source.read("text"), starts, out, ends[new] - lengths[new], lengths[new])
        yield out, ends + written
        written += len(out)


def _copy(
    text: NDArray[Any],
    starts: NDArray[np.int64],
    out: NDArray[np.uint8],
    targets: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> None:
    """Copies pieces of `text` to their places in `out`; pieces that follow one another on both sides go at once."""
    if not len(starts):
        return
    ends = starts + lengths
    follows = (starts[1:] == ends[:-1]) & (targets[1:] == targets[:-1] + lengths[:-1])
    heads = np.concatenate(([0], np.flatnonzero(~follows) + 1))
    tails = np.concatenate((heads[1:], [len(starts)])) - 1
    for a, b, to in zip(starts[heads].tolist(), ends[tails].tolist(), targets[heads].tolist(), strict=True):
        out[to : to + b - a] = text[a:b]


def _ranges(kept: Sequence[NDArray[np.intp]]) -> list[tuple[int, int]]:
    total = sum(map(len, kept))
    check_count(total)
    return [(first, min(first + _ROW_PIECE, total)) for first in range(0, total, _ROW_PIECE)]


def _between(source: MergeSource, kept: NDArray[np.intp], first: int, last: int) -> NDArray[np.intp]:
    new = source.rows[kept]
    return kept[slice(*np.searchsorted(new, np.array([first, last], dtype=np.uint32)))]


def _array(source: MergeSource, name: str, band: int | None) -> NDArray[np.uint64]:
    array = source.read(name)
    return array if band is None else array[band]


def _joined(parts: Sequence[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)
