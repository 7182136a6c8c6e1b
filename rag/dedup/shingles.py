"""Texts as sets of hashed shingles: runs of words that follow each other."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Shingled", "Shingler", "digest"]

_MOST_WORDS = 1_000_000  # hashes that are remembered; a word that comes again later is hashed again


class _WordHashes(dict[str, int]):
    """64 bits a word: BLAKE2b, so that no text can be made to collide with another one."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_WORDS:
            self.clear()
        value = int.from_bytes(hashlib.blake2b(_encode(word), digest_size=8).digest(), "little")
        self[word] = value
        return value


@dataclass(frozen=True)
class Shingled:
    """What `Shingler.of` makes of n texts.

    Attributes:
        hashes: uint64, the sets end to end, each without repetitions and rising.
        sizes: int64 (n,), the size of each set; 0 for a text without words.
        order: bytes of 16 each, one a text: a digest of its words in their order; b"" for a text without words.
    """

    hashes: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    order: list[bytes]


@dataclass
class Shingler:
    """Makes sets of shingles.

    Attributes:
        width: Words in a shingle, 1 or more. A text of fewer words is one shingle.
    """

    width: int
    _words: _WordHashes = field(default_factory=_WordHashes, init=False, repr=False)
    _factors: NDArray[np.uint64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        state = np.random.default_rng(0)
        factors = state.integers(0, 2**64, size=self.width, dtype=np.uint64, endpoint=False)
        self._factors = factors | np.uint64(1)

    def of(self, texts: Sequence[str]) -> Shingled:
        """The sets of texts; see `Shingled`."""
        found = [words(text) for text in texts]
        order = [digest(" ".join(some)) if some else b"" for some in found]
        rows = [self._row(some) for some in found]
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        flat = np.fromiter(chain.from_iterable(rows), dtype=np.uint64, count=int(lengths.sum()))
        hashes, owners = self._shingles(flat, lengths)
        by_text = np.lexsort((hashes, owners))
        hashes, owners = hashes[by_text], owners[by_text]
        fresh = np.ones(len(hashes), dtype=np.bool_)
        fresh[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
        return Shingled(hashes[fresh], np.bincount(owners[fresh], minlength=len(rows)), order)

    def _row(self, found: list[str]) -> list[int]:
        """The hashes of the words, with zeros up to one shingle; [] without words."""
        row = [self._words[word] for word in found]
        return row + [0] * (self.width - len(row)) if row else row

    def _shingles(
        self, flat: NDArray[np.uint64], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """A hash a shingle, and the text that it is of."""
        owners = np.repeat(np.arange(len(lengths)), lengths)
        left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(flat))  # words from here to the end of the text
        starts = np.flatnonzero(left >= self.width)
        sums = np.zeros(len(starts), dtype=np.uint64)
        for place, factor in enumerate(self._factors):
            sums += flat[starts + place] * factor
        return _mixed(sums), owners[starts]


def digest(text: str) -> bytes:
    """16 bytes that stand for a text."""
    return hashlib.blake2b(_encode(text), digest_size=16).digest()


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014): every bit depends on every other."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
