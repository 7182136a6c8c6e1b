"""An index of texts by the hashes of their n-grams, for finding where the last tokens of another text occur."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["DraftIndex", "GrowingIndex", "Match"]

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, 2^64 over the golden ratio: spreads ids over all 64 bits
_MAX_COMPARED = 64  # occurrences of one n-gram to compare: frequent n-grams have thousands
_MAX_BACK = 64  # tokens before a match to compare


class Match(NamedTuple):
    """An occurrence of the last tokens of one text in another.

    Attributes:
        length: Number of equal tokens before `place`, at least the shortest n-gram.
        place: Index of the token that follows them.
    """

    length: int
    place: int


class DraftIndex:
    """An n-gram index of texts, built once in numpy, with lookups by binary search. Safe to share between threads.

    Args:
        texts: Token ids of each text, 0 or more each; no match extends from one text into the next.
        longest: The longest n-gram to index; among equal ones, up to 64 tokens before them are compared.
        shortest: The shortest n-gram to index.

    Raises:
        UsageError: Not 1 <= shortest <= longest.
    """

    def __init__(self, texts: Sequence[Sequence[int]], *, longest: int = 6, shortest: int = 1) -> None:
        check_whole("shortest", shortest, minimum=1)
        check_whole("longest", longest, minimum=shortest)
        self.longest, self.shortest = longest, shortest
        # -1 separates texts: no id equals it.
        pieces = [np.append(np.asarray(text, dtype=np.int64).ravel(), -1) for text in texts]
        self.ids: NDArray[np.int64] = np.concatenate([np.full(1, -1, np.int64), *pieces])
        self._levels: dict[int, tuple[NDArray[np.uint64], NDArray[np.int32]]] = {}
        hashes = np.zeros(len(self.ids) + 1, dtype=np.uint64)
        for length in range(1, longest + 1):
            count = len(self.ids) - length + 1
            if count < 1:
                break
            hashes = hashes[:count] * _BASE + self.ids[length - 1 :].astype(np.uint64)
            if length >= shortest:
                order = hashes.argsort(kind="stable").astype(np.int32)
                self._levels[length] = hashes[order], order

    def __len__(self) -> int:
        """Number of tokens in all texts."""
        return int((self.ids >= 0).sum())

    def find(self, ended: Sequence[int], near: int = 0) -> Match | None:
        """The occurrence of the longest n-gram that `ended` ends with, or None.

        Among several, the one with most equal tokens before it; then the first one from index `near` on.
        """
        tail = np.asarray(ended[-_MAX_BACK:], dtype=np.int64)
        for length in range(min(self.longest, len(tail)), self.shortest - 1, -1):
            places = self._find_places(tail[-length:], near)
            if len(places):
                return self._best_match(tail, places, length, near)
        return None

    def after(self, match: Match, count: int) -> list[int]:
        """Up to `count` tokens that follow a match, to the end of its text."""
        following = self.ids[match.place : match.place + max(count, 0)]
        ends = np.flatnonzero(following < 0)
        return [int(token) for token in (following[: ends[0]] if len(ends) else following)]

    def _find_places(self, gram: NDArray[np.int64], near: int) -> NDArray[np.int64]:
        """Indices behind occurrences of an n-gram, where the text continues; of very many, some around `near`."""
        level = self._levels.get(len(gram))
        if level is None:
            return np.zeros(0, dtype=np.int64)
        hashes, order = level
        wanted = np.zeros(1, dtype=np.uint64)
        for token in gram.astype(np.uint64):
            wanted = wanted * _BASE + token
        low, high = hashes.searchsorted(wanted[0], "left"), hashes.searchsorted(wanted[0], "right")
        if high - low > _MAX_COMPARED:
            # The sort is stable: equal hashes are in the order of the text.
            middle = low + int(order[low:high].searchsorted(near))
            low = max(min(middle - _MAX_COMPARED // 4, high - _MAX_COMPARED), low)
            high = low + _MAX_COMPARED
        starts = order[low:high].astype(np.int64)
        starts = starts[starts + len(gram) < len(self.ids)]
        # Different n-grams may share a hash: the ids themselves decide.
        same = (self.ids[starts[:, None] + np.arange(len(gram))] == gram).all(axis=1)
        places = starts[same] + len(gram)
        continued: NDArray[np.int64] = places[self.ids[places] >= 0]
        return continued

    def _best_match(self, tail: NDArray[np.int64], places: NDArray[np.int64], length: int, near: int) -> Match:
        # Only for the longest n-gram: occurrences of a shorter one differ in the token before it, or would have been
        # longer.
        reached = np.full(len(places), length)
        if length == self.longest and len(places) > 1:
            back = np.arange(1, len(tail) + 1)
            before = places[:, None] - back
            same = (self.ids[before.clip(0)] == tail[::-1]) & (before >= 0)
            reached = np.where(same.all(axis=1), len(tail), same.argmin(axis=1))
        far = places < near
        chosen = np.lexsort((places, far, -reached))[0]
        return Match(int(reached[chosen]), int(places[chosen]))


class GrowingIndex:
    """An n-gram index of a growing text: the tokens generated so far.

    Args:
        longest: The longest n-gram to index.
        shortest: The shortest n-gram to index.
    """

    def __init__(self, *, longest: int = 6, shortest: int = 1) -> None:
        self.longest, self.shortest = longest, shortest
        self.ids: list[int] = []
        # Index behind the last occurrence of each n-gram.
        self._last: dict[tuple[int, ...], int] = {}
        self._indexed = 0

    def add(self, tokens: Sequence[int]) -> None:
        """Append tokens to the text."""
        self.ids += tokens
        for place in range(max(self._indexed, 1), len(self.ids)):
            for length in range(self.shortest, min(self.longest, place) + 1):
                self._last[tuple(self.ids[place - length : place])] = place
        self._indexed = len(self.ids)

    def find(self) -> Match | None:
        """The last earlier occurrence of the longest n-gram that the text ends with, or None."""
        for length in range(min(self.longest, len(self.ids)), self.shortest - 1, -1):
            place = self._last.get(tuple(self.ids[-length:]))
            if place is not None:
                return Match(length, place)
        return None

    def after(self, match: Match, count: int) -> list[int]:
        """Up to `count` tokens that follow a match; at the end of the text they repeat, as in a loop."""
        copied = list(self.ids[match.place :])
        while copied and len(copied) < count:
            copied += copied
        return copied[: max(count, 0)]
