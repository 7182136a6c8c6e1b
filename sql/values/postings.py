"""Sorted posting entries and their directory, which leads straight to the few entries that begin like a key.

An entry is one uint64, key above row (index_arrays.py). The directory cuts the range of keys into equal intervals, a
power of two of them, and says where each begins; keys are hashes, so every interval holds a few entries, and finding a
key takes two reads instead of a binary search over the whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .block_checks import NoChecks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Starts = NDArray[np.uint32] | NDArray[np.int64]

__all__ = ["bounds", "directory", "directory_of"]

_MOST_BITS = 22
_STEP = 1 << 22
_REFINED = 16
_UNCHECKED = (NoChecks(), NoChecks())


def directory(entries: NDArray[np.uint64]) -> Starts:
    """Where each interval of keys begins among sorted entries, then their number: (2**bits + 1,); uint32 where that
    suffices, which halves what the directories of a large index take.
    """
    steps = range(0, len(entries), _STEP)
    return directory_of((entries[first : first + _STEP] for first in steps), len(entries))


def directory_of(pieces: Iterable[NDArray[np.uint64]], n_entries: int) -> Starts:
    """`directory` of entries that come in pieces, in order."""
    # two to four entries an interval; more intervals would take more memory than they save in reads
    bits = min(_MOST_BITS, max(0, n_entries.bit_length() - 2))
    counts = np.zeros((1 << bits) + 1, dtype=np.int64)
    for piece in pieces:
        if len(piece):
            found = (piece >> np.uint64(32)).astype(np.int64) >> (32 - bits)
            low = int(found[0])
            part = np.bincount(found - low)
            counts[low + 1 : low + 1 + len(part)] += part
    starts = np.cumsum(counts)
    return starts.astype(np.uint32) if n_entries < 2**32 else starts


def bounds(
    entries: NDArray[np.uint64],
    starts: Starts,
    low: NDArray[np.uint32],
    high: NDArray[np.uint32],
    *,
    checks: tuple[NoChecks, NoChecks] = _UNCHECKED,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last + 1 place of the entries whose keys lie from `low` to `high`, both included.

    Args:
        entries: Sorted, uint64 (n_entries,); or several lists of equal length, (n_lists, n_entries).
        starts: Their `directory`, or one row for each list.
        low, high: Keys, uint32 (n,) or (n_lists, n); where they differ, then only in bits below the directory's.
        checks: Those of `entries` and of `starts`, flattened. What is read here is compared with them; what lies
            between the places that are found is not, since callers pass over much of it.

    Returns:
        Places in the flattened `entries`, int64 of the shape of `low`.

    Raises:
        FormatError: What had to be read is damaged.
    """
    width = starts.shape[-1]
    bits = (width - 1).bit_length() - 1
    interval = (low >> np.uint32(32 - bits)).astype(np.int64) if bits else np.zeros(low.shape, dtype=np.int64)
    if starts.ndim > 1:
        interval += (np.arange(len(starts)) * width)[:, None]
    flat_starts = starts.reshape(-1)
    checks[1].read(interval)
    checks[1].read(interval + 1)
    first, last = flat_starts[interval].astype(np.int64), flat_starts[interval + 1].astype(np.int64)
    if starts.ndim > 1:
        base = (np.arange(len(entries)) * entries.shape[1])[:, None]
        first, last = first + base, last + base
    _narrow((entries.reshape(-1), checks[0]), (first.reshape(-1), last.reshape(-1)), low.reshape(-1), high.reshape(-1))
    return first, last


def _narrow(
    checked: tuple[NDArray[np.uint64], NoChecks],
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
    low: NDArray[np.uint32],
    high: NDArray[np.uint32],
) -> None:
    """Move first and last places together, in place, until they hold nothing but keys from low to high."""
    first, last = places
    entries, checks = checked
    sizes = last - first
    # short runs are read whole, in one pass over all keys; long ones, of common keys, are bisected
    few = np.flatnonzero((sizes > 0) & (sizes <= _REFINED))
    if len(few):
        checks.read_between(first[few], last[few])
        steps = np.arange(int(sizes[few].max()))
        at = first[few, None] + steps
        keys = (entries[np.minimum(at, len(entries) - 1)] >> np.uint64(32)).astype(np.uint32)
        mine = steps < sizes[few, None]
        begin = first[few]
        first[few] = begin + ((keys < low[few, None]) & mine).sum(axis=1)
        last[few] = begin + ((keys <= high[few, None]) & mine).sum(axis=1)
    many = np.flatnonzero(sizes > _REFINED)
    if len(many):
        wanted = np.concatenate((low[many], high[many])).astype(np.uint64) << np.uint64(32)
        wanted[len(many) :] |= np.uint64(0xFFFFFFFF)  # no row is that high
        found = _bisect(checked, np.tile(first[many], 2), np.tile(last[many], 2), wanted)
        first[many], last[many] = found[: len(many)], found[len(many) :]


def _bisect(
    checked: tuple[NDArray[np.uint64], NoChecks],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    wanted: NDArray[np.uint64],
) -> NDArray[np.int64]:
    """The first place from `first` to `last` whose entry is not below the wanted one, for all at once."""
    entries, checks = checked
    # all searches take the same number of steps, so that each step is one vectorised read
    for _step in range(int((last - first).max()).bit_length()):
        middle = (first + last) >> 1
        open_ = first < last
        at = np.minimum(middle, len(entries) - 1)
        checks.read(at)
        below = open_ & (entries[at] < wanted)
        first = np.where(below, middle + 1, first)
        last = np.where(open_ & ~below, middle, last)
    return first
