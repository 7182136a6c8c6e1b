"""The words of many stored values at once, cut as `spans.key_words` cuts one: arrays of code points and places."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import fold

from .spans import key_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Codes = NDArray[np.uint8] | NDArray[np.uint32]

__all__ = ["WordTable"]

_APOSTROPHE, _S, _SPACE, _FIRST_MARK, _LAST_MARK = 0x27, 0x73, 0x20, 0x5E, 0x24
_ALNUM = np.array([chr(code).isalnum() for code in range(128)])
_DIGIT = np.array([chr(code).isdigit() for code in range(128)])


@dataclass(frozen=True)
class WordTable:
    """Words of a batch of values, in order.

    Attributes:
        codes: Code points of all folded texts, uint8 or uint32 (n_codes,).
        starts: int64 (n_words,), where each word begins in `codes`.
        lengths: int64 (n_words,), code points of each word.
        owner: int64 (n_words,), the value of each word.
        counts: int64 (n_values,), words of each value.
    """

    codes: Codes
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    owner: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, values: Sequence[str]) -> WordTable:
        """The folded words of stored values, as `key_words` gives them for each."""
        joined = "\0".join(values)
        lengths = np.fromiter(map(len, values), dtype=np.int64, count=len(values))
        if joined.isascii():
            return cls._cut(_codes(joined.lower()), lengths)
        texts = [value.lower() if value.isascii() else _plain(value) for value in values]
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
        return cls._cut(_codes("\0".join(texts)), lengths)

    @classmethod
    def of_words(cls, words: Sequence[str]) -> WordTable:
        """A table whose values are single words, taken as they are."""
        joined = "".join(words)
        lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
        each = np.arange(len(words))
        return cls(_codes(joined), np.cumsum(lengths) - lengths, lengths, each, np.ones(len(words), dtype=np.int64))

    @classmethod
    def _cut(cls, codes: Codes, lengths: NDArray[np.int64]) -> WordTable:
        inside = _ALNUM[codes] if codes.dtype == np.uint8 else (codes > 127) | _ALNUM[np.minimum(codes, 127)]
        edges = np.flatnonzero(np.diff(inside, prepend=np.False_, append=np.False_))
        starts, ends = edges[::2], edges[1::2]
        possessive = _possessive(codes, starts, ends)
        if possessive.any():
            starts, ends = starts[~possessive], ends[~possessive]
        owner = np.searchsorted(np.cumsum(lengths + 1), starts, "right")
        return cls(codes, starts, ends - starts, owner, np.bincount(owner, minlength=len(lengths)))

    @cached_property
    def firsts(self) -> NDArray[np.int64]:
        """The place of each value's first word, int64 (n_values,)."""
        return np.cumsum(self.counts) - self.counts

    @property
    def last_letters(self) -> Codes:
        """The last code point of each word."""
        letters: Codes = self.codes[self.starts + self.lengths - 1]
        return letters

    def text_of(self, places: NDArray[np.int64]) -> list[str]:
        """The words at `places`."""
        starts, ends = self.starts[places].tolist(), (self.starts[places] + self.lengths[places]).tolist()
        if self.codes.dtype == np.uint8:
            whole = self.codes.tobytes().decode("ascii")
            return [whole[a:b] for a, b in zip(starts, ends, strict=True)]
        return [
            self.codes[a:b].tobytes().decode("utf-32-le", "surrogatepass") for a, b in zip(starts, ends, strict=True)
        ]

    def hash(self, powers: NDArray[np.uint64], *, longest: int = 0) -> NDArray[np.uint64]:
        """Polynomial over the characters of each word, or of its first `longest`, uint64 (n_words,)."""
        if longest:
            out = np.zeros(len(self.starts), dtype=np.uint64)
            for k in range(longest):
                live = np.flatnonzero(self.lengths > k) if k else slice(None)
                out[live] += (self.codes[self.starts[live] + k].astype(np.uint64) + np.uint64(1)) * powers[k]
            return out
        firsts, flat = self._flat()
        if not len(flat):
            return np.zeros(len(self.starts), dtype=np.uint64)
        place = np.arange(len(flat)) - np.repeat(firsts, self.lengths)
        terms = (self.codes[flat].astype(np.uint64) + np.uint64(1)) * powers[place]
        return np.add.reduceat(terms, firsts)

    def marked(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The words of some values, joined by spaces between the border marks "^" and "$".

        Args:
            rows: Values of one word or more, rising.

        Returns:
            Code points of all, uint32, and the length of each, int64 (n_rows,).
        """
        mine = np.zeros(len(self.counts), dtype=np.bool_)
        mine[rows] = True
        words = np.flatnonzero(mine[self.owner])
        lengths, counts = self.lengths[words], self.counts[rows]
        ends = np.cumsum(lengths + 1) + np.repeat(np.arange(len(rows)), counts)
        starts, last = ends - lengths, np.cumsum(counts) - 1
        out = np.full(int(lengths.sum()) + len(words) + len(rows), _SPACE, dtype=np.uint32)
        out[starts[last - counts + 1] - 1] = _FIRST_MARK
        out[ends[last]] = _LAST_MARK
        before = np.cumsum(lengths) - lengths
        flat = np.arange(int(lengths.sum()))
        out[flat + np.repeat(starts - before, lengths)] = self.codes[
            flat + np.repeat(self.starts[words] - before, lengths)
        ]
        return out, np.diff(ends[last], prepend=-1)

    def all_digits(self) -> NDArray[np.bool_]:
        """Whether every word of a value is of the digits 0 to 9, bool (n_values,); True where there is no word."""
        firsts, flat = self._flat()
        if not len(flat):
            return np.ones(len(self.counts), dtype=np.bool_)
        letters = self.codes[flat]
        digits = _DIGIT[letters] if letters.dtype == np.uint8 else _DIGIT[np.minimum(letters, 127)] & (letters < 128)
        whole = np.logical_and.reduceat(digits, firsts)
        found: NDArray[np.bool_] = np.bincount(self.owner[~whole], minlength=len(self.counts)) == 0
        return found

    def _flat(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where each word begins among the characters of all words, and the place of each such character in `codes`."""
        firsts = np.cumsum(self.lengths) - self.lengths
        flat = np.arange(int(self.lengths.sum())) + np.repeat(self.starts - firsts, self.lengths)
        return firsts, flat


def _plain(value: str) -> str:
    folded = fold(value)
    return folded if folded.isascii() else " ".join(key_words(value))


def _codes(text: str) -> Codes:
    if text.isascii():
        return np.frombuffer(text.encode("ascii"), dtype=np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _possessive(codes: Codes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which words are the "s" of "'s" behind a word."""
    found = np.zeros(len(starts), dtype=np.bool_)
    single = np.flatnonzero((ends - starts == 1) & (starts > 1))
    at = starts[single]
    single = single[(codes[at] == _S) & (codes[at - 1] == _APOSTROPHE)]
    before = codes[starts[single] - 2]
    found[single] = (before > 127) | _ALNUM[np.minimum(before, 127)]
    return found
