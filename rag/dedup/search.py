"""Exact search for an earlier similar set of each set, by prefix filtering, without comparing all pairs.

All hashes are put into one order, rarest first. Two sets that have at least `a` elements in common must then share
one of the first `size - a + 1` elements of each, its prefix, so that only sets with a common hash in their prefixes are
compared; the position of the first common hash bounds how many can be common. The remaining pairs are compared in
full, so that no pair below the threshold is merged and none above it is missed, where MinHash finds pairs with some
probability. A template that many texts share costs little, since its hashes are frequent and come last, while any
scheme that samples a set's elements evenly would pair all of these texts. Texts made of few different shingles are the
hard case: then even the rarest ones are frequent, and the time grows with the square of the number of texts.

Methods: Chaudhuri, Ganti and Kaushik, ICDE 2006; Bayardo, Ma and Srikant, WWW 2007; the bound by position: Xiao, Wang,
Lin and Yu, "Efficient similarity joins for near duplicate detection", WWW 2008.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.utils.validation import is_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from .sets import HashSets

__all__ = ["Bar", "Leaders", "find_leaders"]

_EPSILON = 1e-9  # so that a similarity exactly at the threshold passes in floating point
_LARGEST_TABLE = 1 << 26  # counters of hashes; more hashes than this share counters
_AT_ONCE = 64  # candidate sets that are read at once
_BLOCK = 1 << 19  # hashes that are looked up at once
_REPORT_EVERY = 4096  # sets between two reports of progress


@dataclass(frozen=True, slots=True)
class Bar:
    """Thresholds of a duplicate: similarity, and optionally the share of a set that is in a larger one.

    Attributes:
        similarity: Least Jaccard similarity, over 0, up to 1.
        containment: Least share of the smaller set that is in the larger one, over 0, up to 1; None: not counted.

    Raises:
        UsageError: One of them is out of range.
    """

    similarity: float
    containment: float | None = None

    def __post_init__(self) -> None:
        contained = 1 if self.containment is None else self.containment
        for name, share in (("similarity", self.similarity), ("containment", contained)):
            if not is_number(share) or not 0 < share <= 1:
                raise UsageError(f"{name} is {share!r}", hint="give a number over 0, up to 1")

    def is_similar(self, common: int, size: int, other: int) -> bool:
        """Whether sets of these sizes with `common` common elements are similar enough."""
        return common >= self.similarity * (size + other - common) - _EPSILON

    def needed(self, size: int, others: NDArray[np.int64]) -> NDArray[np.int64]:
        """Least number of common elements with sets of sizes `others` (with containment: of `size` or more)."""
        # J >= s means common >= s * (size + other - common), solved for `common`.
        needed = np.ceil(self.similarity / (1 + self.similarity) * (size + others) - _EPSILON)
        if self.containment is not None:
            needed = np.minimum(needed, np.ceil(self.containment * size - _EPSILON))
        least: NDArray[np.int64] = needed.astype(np.int64)
        return least

    def prefixes(self, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Prefix lengths: how many of the rarest elements of sets of these sizes have to be searched for."""
        least = self.similarity if self.containment is None else min(self._of_larger(), self.containment)
        lengths: NDArray[np.int64] = sizes - np.ceil(least * sizes - _EPSILON).astype(np.int64) + 1
        return np.where(sizes > 0, lengths, 0)

    def _of_larger(self) -> float:
        """Least share that a set has in common with a similar one that is not smaller."""
        return 2 * self.similarity / (1 + self.similarity)


@dataclass(frozen=True, slots=True)
class Leaders:
    """For each set the one that it is merged into.

    Attributes:
        into: int64 (n_sets,), -1 for a set that is kept or did not take part.
        common: int64 (n_sets,), elements in common with that one.
    """

    into: NDArray[np.int64]
    common: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Entries:
    """Rare elements of sets, in the order of the sets: hashes uint64, owners and positions int32, all (n_entries,)."""

    hashes: NDArray[np.uint64]
    owners: NDArray[np.int32]
    places: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Coded:
    """Entries with codes for their hashes, int32 (n_entries,), and where those of each set start, (n_sets + 1,)."""

    codes: NDArray[np.int32]
    places: NDArray[np.int32]
    starts: NDArray[np.int64]

    def of(self, one: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Codes and positions of a set's entries."""
        mine = slice(self.starts[one], self.starts[one + 1])
        return self.codes[mine], self.places[mine]


def find_leaders(
    sets: HashSets,
    sizes: NDArray[np.int64],
    order: NDArray[np.int64],
    bar: Bar,
    progress: Callable[[int, int], None] | None = None,
) -> Leaders:
    """Find for each set the first similar one in `order`, of those before it that are kept.

    Args:
        sets: The sets, sealed.
        sizes: int64 (n_sets,), as `HashSets.seal` gave them.
        order: Indices of the sets that take part; where containment counts, by falling size.
        bar: The thresholds.
        progress: Called with the number of sets compared and of all.
    """
    ranks = np.full(len(sizes), -1, dtype=np.int64)
    ranks[order] = np.arange(len(order))
    probes, indexed = _collect_entries(sets, sizes, ranks >= 0, bar)
    index = _Index(indexed)
    search = _Search(sets, sizes, bar, ranks)
    found = Leaders(np.full(len(sizes), -1, dtype=np.int64), np.zeros(len(sizes), dtype=np.int64))
    for count, one in enumerate(order.tolist()):
        near = index.look_up(*probes.of(one))
        leader = None if near is None else search.first(one, *near)
        # Only kept sets are indexed, so that a chain of small changes does not merge its two ends.
        if leader is None:
            index.add(one)
        else:
            found.into[one], found.common[one] = leader
        if progress is not None and count % _REPORT_EVERY == 0:
            progress(count, len(order))
    return found


class _Index:
    """Inverted index: by hash the kept sets, with the position of the hash in each."""

    def __init__(self, entries: _Coded) -> None:
        self._entries = entries
        sizes = np.bincount(entries.codes)
        self._begins = np.cumsum(sizes) - sizes
        self._filled = np.zeros(len(sizes), dtype=np.int32)
        self._sets = np.zeros(len(entries.codes), dtype=np.int32)
        self._where = np.zeros(len(entries.codes), dtype=np.int32)

    def add(self, one: int) -> None:
        codes, places = self._entries.of(one)
        slots = self._begins[codes] + self._filled[codes]
        self._sets[slots], self._where[slots] = one, places
        self._filled[codes] += 1

    def look_up(
        self, codes: NDArray[np.int32], places: NDArray[np.int32]
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]] | None:
        """Sets with one of the hashes, its position there and its position here; None if there are none."""
        counts = self._filled[codes]
        total = int(counts.sum())
        if not total:
            return None
        # All posting lists concatenated without a Python loop: a running number, shifted to where each list begins.
        shifts = np.repeat(self._begins[codes] - (np.cumsum(counts) - counts), counts)
        slots = shifts + np.arange(total)
        return self._sets[slots], self._where[slots], np.repeat(places, counts)


@dataclass(frozen=True, slots=True)
class _Search:
    sets: HashSets
    sizes: NDArray[np.int64]
    bar: Bar
    ranks: NDArray[np.int64]

    def first(
        self, one: int, others: NDArray[np.int32], there: NDArray[np.int32], here: NDArray[np.int32]
    ) -> tuple[int, int] | None:
        """The first similar set in order, and the number of common elements."""
        size, sizes = int(self.sizes[one]), self.sizes[others]
        # Elements before the first common one are not common, in either set: this bounds what can still be.
        possible = np.minimum(size - here, sizes - there) >= self.bar.needed(size, sizes)
        if not possible.any():
            return None
        others = np.unique(others[possible])
        others = others[np.argsort(self.ranks[others])]
        mine, _ = self.sets.many(np.array([one]))
        for begin in range(0, len(others), _AT_ONCE):
            some = others[begin : begin + _AT_ONCE]
            common = _count_common(mine, *self.sets.many(some))
            good = np.flatnonzero(common >= self.bar.needed(size, self.sizes[some]))
            if len(good):
                return int(some[good[0]]), int(common[good[0]])
        return None


def _count_common(mine: NDArray[np.uint64], theirs: NDArray[np.uint64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the elements of each of several sets that are also in `mine`."""
    places = np.minimum(np.searchsorted(mine, theirs), len(mine) - 1)
    counts: NDArray[np.int64] = np.add.reduceat((mine[places] == theirs).astype(np.int64), starts)
    return counts


def _find_distinct(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The distinct hashes, rising; takes less memory than `numpy.unique`."""
    rising = np.sort(hashes)
    fresh = np.ones(len(rising), dtype=np.bool_)
    fresh[1:] = rising[1:] != rising[:-1]
    return rising[fresh]


def _encode_entries(entries: _Entries, groups: NDArray[np.uint64], n_sets: int) -> _Coded:
    """Replace each hash by its index in `groups`."""
    codes = np.empty(len(entries.hashes), dtype=np.int32)
    for begin in range(0, len(codes), _BLOCK):
        codes[begin : begin + _BLOCK] = np.searchsorted(groups, entries.hashes[begin : begin + _BLOCK])
    starts = np.searchsorted(entries.owners, np.arange(n_sets + 1, dtype=np.int32))
    return _Coded(codes, entries.places, starts)


def _collect_entries(
    sets: HashSets, sizes: NDArray[np.int64], taking: NDArray[np.bool_], bar: Bar
) -> tuple[_Coded, _Coded]:
    """The entries to search for, and those to index.

    The first are the prefixes; the second the same, or with containment all elements that are in some prefix.
    """
    counts = _count_holders(sets, sizes, taking)
    probes = _gather_prefixes(sets, sizes, counts, np.where(taking, bar.prefixes(sizes), 0))
    groups = _find_distinct(probes.hashes)
    asked = _encode_entries(probes, groups, len(sizes))
    if bar.containment is None:
        return asked, asked
    # Freed before the second, larger gathering: both at once would take more memory.
    del probes
    indexed = _gather_prefixes(sets, sizes, counts, np.where(taking, sizes, 0), among=groups)
    return asked, _encode_entries(indexed, groups, len(sizes))


def _count_holders(sets: HashSets, sizes: NDArray[np.int64], taking: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Count the sets that have a hash, by its last bits; hashes with the same last bits share a counter."""
    total = max(int(sizes.sum()), 1)
    counts = np.zeros(min(_LARGEST_TABLE, 1 << total.bit_length()), dtype=np.uint32)
    for first, last, hashes in sets.blocks():
        counted = hashes[np.repeat(taking[first:last], sizes[first:last])]
        # A shared counter is too high at most: that changes the order of the hashes, and so the speed, not the result.
        np.add.at(counts, _find_slots(counts, counted), np.uint32(1))
    return counts


def _find_slots(counts: NDArray[np.uint32], hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (hashes & np.uint64(len(counts) - 1)).astype(np.int64)


def _gather_prefixes(
    sets: HashSets,
    sizes: NDArray[np.int64],
    counts: NDArray[np.uint32],
    lengths: NDArray[np.int64],
    among: NDArray[np.uint64] | None = None,
) -> _Entries:
    """The `lengths` rarest elements of each set, without those that no other set has.

    With `among`, rising, only those of them that it contains.
    """
    parts = []
    for first, last, hashes in sets.blocks():
        mine = sizes[first:last]
        owners = np.repeat(np.arange(first, last, dtype=np.int32), mine)
        common = counts[_find_slots(counts, hashes)]
        rarest = np.lexsort((hashes, common, owners))  # in the order of the sets, as before
        places = np.arange(len(hashes), dtype=np.int32) - np.repeat(np.cumsum(mine) - mine, mine).astype(np.int32)
        wanted = (places < np.repeat(lengths[first:last], mine)) & (common[rarest] > 1)
        chosen = hashes[rarest[wanted]]
        part = _Entries(chosen, owners[wanted], places[wanted])
        if among is not None:
            held = _contains(among, chosen)
            part = _Entries(part.hashes[held], part.owners[held], part.places[held])
        parts.append(part)
    return _Entries(
        np.concatenate([part.hashes for part in parts] or [np.zeros(0, dtype=np.uint64)]),
        np.concatenate([part.owners for part in parts] or [np.zeros(0, dtype=np.int32)]),
        np.concatenate([part.places for part in parts] or [np.zeros(0, dtype=np.int32)]),
    )


def _contains(among: NDArray[np.uint64], hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(among):
        return np.zeros(len(hashes), dtype=np.bool_)
    held: NDArray[np.bool_] = among[np.minimum(np.searchsorted(among, hashes), len(among) - 1)] == hashes
    return held
