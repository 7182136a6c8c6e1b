"""Exact search over sparse vectors that scores only the blocks of passages which can hold a result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.utils.validation import check_flag, check_whole, describe_type

from .sparse import Postings, query_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BlockMaxIndex", "Hits", "rank_exhaustively"]

_LEVELS = 255  # of a bound: one byte
_DENSE = 8  # a term in more than one of so many blocks has a bound for each block, which adds faster
_DEPTHS = (1, 10, 100, 1000)  # results for which the best weights of a term bound the score from below
_LEAST = 2.0**-149  # the least float32 over 0
_FIRST, _GROWTH = 32, 4  # blocks that are scored first, and how many times more each time after


@dataclass(frozen=True)
class Hits:
    """The best passages of a query, the best first; of equal scores the lower number first.

    Attributes:
        passages: Their numbers, int64 (n_hits,), at most as many as were asked for; all have a score over 0.
        scores: float32 (n_hits,), falling.
        scored: How many passages were scored for it.
    """

    passages: NDArray[np.int64]
    scores: NDArray[np.float32]
    scored: int


def rank_exhaustively(postings: Postings, query: Any, k: int = 10) -> Hits:
    """The same by scoring every passage: the reference of `BlockMaxIndex`.

    Raises:
        UsageError: As `BlockMaxIndex.search`.
    """
    check_whole("k", k)
    scores = postings.score(*query_weights(postings, query))
    # All that reach the k-th score, so that ties are cut by number and not by chance.
    least = np.partition(scores, -k)[-k] if k < len(scores) else np.float32(0)
    return _best(np.flatnonzero((scores >= least) & (scores > 0)), scores, k, postings.size)


def _best(places: NDArray[np.intp], scores: NDArray[np.float32], k: int, scored: int) -> Hits:
    found = scores[places]
    order = np.lexsort((places, -found))[:k]
    return Hits(places[order].astype(np.int64), found[order], scored)


@dataclass(frozen=True)
class _Bounds:
    """The greatest weight of each term in each block.

    Attributes:
        runs: Where the runs of each term start in the next two, int64 (n_terms + 1,).
        blocks: The block of each run, int32, rising within a term.
        levels: uint8, its greatest weight in units of the term's `steps`, rounded up.
        starts: Where each run starts in the postings, int64 (n_runs + 1,).
        steps: float32 (n_terms,).
        dense: Row in `table` of each term, int32 (n_terms,), -1 for one without.
        table: uint8 (n_dense, n_blocks): the levels of frequent terms, 0 where the block has none.
        best: float32 (n_terms, n_depths): the weight at each of `_DEPTHS`, 0 where there are not so many.
    """

    runs: NDArray[np.int64]
    blocks: NDArray[np.int32]
    levels: NDArray[np.uint8]
    starts: NDArray[np.int64]
    steps: NDArray[np.float32]
    dense: NDArray[np.int32]
    table: NDArray[np.uint8]
    best: NDArray[np.float32]


class BlockMaxIndex:
    """Finds the k best passages for a query of weighted terms; equal to exhaustive scoring to the last number.

    Passages stand in blocks; each term has for each block the greatest weight there, rounded up to one of 255 levels. A
    block whose bounds do not sum to the k-th best score so far holds no result and is never looked into. Mallia, Suel
    and Tonellotto, Faster Learned Sparse Retrieval with Block-Max Pruning, SIGIR 2024. Safe to share between threads.

    Args:
        postings: The weights of terms in passages: `bm25_postings`, or those of a learned sparse model.
        block: Passages of a block, from 1 up.
        reorder: Put passages of like terms into the same blocks, which makes the bounds tighter; the numbers that are
            returned stay those of the postings.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
    """

    def __init__(self, postings: Postings, *, block: int = 32, reorder: bool = True) -> None:
        if not isinstance(postings, Postings):
            raise UsageError(f"postings is {describe_type(postings)}", hint="give what bm25_postings returned")
        check_whole("block", block)
        check_flag("reorder", reorder)
        self._block, self._count = block, -(-postings.size // block)
        order = order_passages(postings) if reorder else np.arange(postings.size, dtype=np.int32)
        self._order = order
        self._postings = _permuted(postings, order) if reorder else postings
        self._bounds = _find_bounds(self._postings, block, self._count)

    @property
    def size(self) -> int:
        """Number of passages."""
        return self._postings.size

    def search(self, query: Mapping[str, float] | Mapping[int, float] | Iterable[str], k: int = 10) -> Hits:
        """The `k` best passages that hold a term of the query.

        Args:
            query: Terms with weights, or terms alone; see `query_weights`. Nothing is found for one without known
                terms.
            k: From 1 up.

        Raises:
            UsageError: k is under 1, or a weight is not from 0 to 1e15.
        """
        check_whole("k", k)
        numbers, weights = query_weights(self._postings, query)
        if not len(numbers):
            return Hits(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32), 0)
        bounds = self._block_bounds(numbers, weights)
        least = self._least_score(numbers, weights, k)
        waiting = np.flatnonzero((bounds >= least) & (bounds > 0))
        waiting = waiting[np.argsort(-bounds[waiting], kind="stable")]
        passages, scores = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        done, step = 0, max(_FIRST, 2 * k // self._block)
        while done < len(waiting) and bounds[waiting[done]] >= least:
            part = waiting[done : done + step]
            part = np.sort(part[bounds[part] >= least])
            found, theirs = self._score_blocks(part, numbers, weights, least)
            passages, scores = np.concatenate([passages, found]), np.concatenate([scores, theirs])
            if len(scores) >= k:
                best = np.lexsort((passages, -scores))[:k]
                passages, scores = passages[best], scores[best]
                least = max(least, scores[-1])
            done, step = done + step, step * _GROWTH
        best = np.lexsort((passages, -scores))[:k]
        return Hits(passages[best], scores[best], min(min(done, len(waiting)) * self._block, self.size))

    def _block_bounds(self, numbers: NDArray[np.intp], weights: NDArray[np.float32]) -> NDArray[np.float64]:
        """float64 (n_blocks,): no passage of a block has a higher score; 0 for a block that holds no term."""
        held = self._bounds
        # Not float32, in which a bound of tiny weights would be 0.
        bounds = np.zeros(self._count, dtype=np.float64)
        # Sums of float32 are rounded: raised by more than that can be, a bound stays one.
        slack = 1 + 1e-6 * (len(numbers) + 2)
        for number, weight in zip(numbers.tolist(), weights, strict=True):
            unit = float(weight) * float(held.steps[number]) * slack
            if (row := int(held.dense[number])) >= 0:
                bounds += held.table[row] * unit
            else:
                place = slice(*held.runs[number : number + 2])
                bounds[held.blocks[place]] += held.levels[place] * unit
        # Products below the least float32 are rounded by up to all of it.
        return np.where(bounds > 0, bounds * slack + len(numbers) * _LEAST, 0.0)

    def _least_score(self, numbers: NDArray[np.intp], weights: NDArray[np.float32], k: int) -> np.float32:
        """A score that k passages reach by one term alone; sums of weights over 0 never fall."""
        depth = int(np.searchsorted(_DEPTHS, k))
        if depth == len(_DEPTHS):
            return np.float32(0)
        return np.float32((weights * self._bounds.best[numbers, depth]).max())

    def _score_blocks(
        self, blocks: NDArray[np.intp], numbers: NDArray[np.intp], weights: NDArray[np.float32], least: np.float32
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The passages of these blocks, rising, that reach `least`, and their scores."""
        held, size = self._bounds, self._block
        scores = np.zeros(len(blocks) * size, dtype=np.float32)
        for number, weight in zip(numbers.tolist(), weights, strict=True):
            first, last = held.runs[number], held.runs[number + 1]
            own = held.blocks[first:last]
            if not len(own):
                continue
            places = np.searchsorted(own, blocks)
            places[places == len(own)] = 0
            hit = np.flatnonzero(own[places] == blocks)
            runs = places[hit] + first
            starts, lengths = held.starts[runs], held.starts[runs + 1] - held.starts[runs]
            ends = np.cumsum(lengths)
            if not len(ends):
                continue
            # The postings of all runs in one go: rising places, with a jump from each run to the next.
            jumps = np.repeat(starts - ends + lengths, lengths)
            postings = jumps + np.arange(ends[-1])
            where = self._postings.passages[postings] + np.repeat((hit - blocks[hit]) * size, lengths)
            # A passage holds a term once, so that no place comes twice and the sums are those of the reference.
            scores[where] += weight * self._postings.weights[postings]
        kept = np.flatnonzero((scores >= least) & (scores > 0))
        numbers_of = blocks[kept // size] * size + kept % size
        return self._order[numbers_of].astype(np.int64), scores[kept]


def order_passages(postings: Postings) -> NDArray[np.int32]:
    """The passages, int32 (size,), those next to each other that have the same heaviest terms.

    The heaviest term of a passage is what it is about as far as a bag of words says it. Ties go by number.
    """
    terms = np.repeat(np.arange(len(postings.starts) - 1), np.diff(postings.starts))
    heaviest = np.full((2, postings.size), -1, dtype=np.int64)
    weights = postings.weights.astype(np.float64)
    for level in range(2):
        by_weight = np.argsort(weights, kind="stable")
        # Written in rising order of weight, so that the heaviest one stays.
        heaviest[level, postings.passages[by_weight]] = by_weight
        weights[heaviest[level][heaviest[level] >= 0]] = 0
    keys = np.where(heaviest >= 0, terms[heaviest] if len(terms) else -1, -1)
    return np.lexsort((keys[1], keys[0])).astype(np.int32)


def _permuted(postings: Postings, order: NDArray[np.int32]) -> Postings:
    """The postings with passage `order[i]` as number i."""
    places = np.empty(len(order), dtype=np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    passages = places[postings.passages]
    terms = np.repeat(np.arange(len(postings.starts) - 1), np.diff(postings.starts))
    sort = np.argsort(terms * np.int64(max(postings.size, 1)) + passages, kind="stable")
    return Postings(postings.size, postings.starts, passages[sort], postings.weights[sort], postings.terms)


def _find_bounds(postings: Postings, block: int, count: int) -> _Bounds:
    sizes = np.diff(postings.starts)
    terms = np.repeat(np.arange(len(sizes)), sizes)
    blocks = postings.passages // block
    # A run ends where the block or the term changes.
    changes = np.ones(len(blocks), dtype=np.bool_)
    changes[1:] = (np.diff(blocks) != 0) | (np.diff(terms) != 0)
    starts = np.flatnonzero(changes)
    held = terms[starts]
    runs = np.searchsorted(held, np.arange(len(sizes) + 1)).astype(np.int64)
    highest = np.maximum.reduceat(postings.weights, starts) if len(starts) else np.zeros(0, dtype=np.float32)
    steps = np.zeros(len(sizes), dtype=np.float32)
    np.maximum.at(steps, held, highest)
    steps = np.nextafter(steps / np.float32(_LEVELS), np.float32(np.inf))
    levels = np.minimum(np.ceil(highest / steps[held]), _LEVELS).astype(np.uint8)
    own = blocks[starts].astype(np.int32)
    often = np.flatnonzero(np.diff(runs) * _DENSE > count)
    dense = np.full(len(sizes), -1, dtype=np.int32)
    dense[often] = np.arange(len(often), dtype=np.int32)
    table = np.zeros((len(often), count), dtype=np.uint8)
    for row, number in enumerate(often.tolist()):
        place = slice(runs[number], runs[number + 1])
        table[row, own[place]] = levels[place]
    ends = np.append(starts, len(postings.passages)).astype(np.int64)
    return _Bounds(runs, own, levels, ends, steps, dense, table, _best_weights(postings))


def _best_weights(postings: Postings) -> NDArray[np.float32]:
    """float32 (n_terms, n_depths), see `_Bounds.best`."""
    sizes = np.diff(postings.starts)
    best = np.zeros((len(sizes), len(_DEPTHS)), dtype=np.float32)
    for depth, wanted in enumerate(_DEPTHS):
        for number in np.flatnonzero(sizes >= wanted).tolist():
            own = postings.weights[postings.starts[number] : postings.starts[number + 1]]
            best[number, depth] = own.max() if wanted == 1 else np.partition(own, -wanted)[-wanted]
    return best
