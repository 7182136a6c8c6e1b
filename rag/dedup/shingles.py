"""Texts as sets of hashed shingles: runs of consecutive words."""

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

__all__ = ["Shingled", "Shingler", "hash_text"]

_MOST_WORDS = 1_000_000  # cached hashes; beyond that the cache is emptied and words are hashed again


class _WordHashes(dict[str, int]):
    """Cache of 64-bit hashes of words: BLAKE2b, so that nobody can craft a text that collides with another one."""

    def __missing__(self, word: str) -> int:
        if len(self) >= _MOST_WORDS:
            self.clear()
        value = int.from_bytes(hashlib.blake2b(_encode(word), digest_size=8).digest(), "little")
        self[word] = value
        return value


@dataclass(frozen=True)
class Shingled:
    """The sets of n texts.

    Attributes:
        hashes: uint64, the sets concatenated, each without repetitions and rising.
        sizes: int64 (n,), the size of each set; 0 for a text without words.
        order: bytes of 16 each, one a text: a digest of its words in their order; b"" for a text without words.
    """

    hashes: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    order: list[bytes]


@dataclass
class Shingler:
    """Builds sets of shingles.

    Attributes:
        width: Words in a shingle, 1 or more. A text of fewer words is one shingle.
    """

    width: int
    _words: _WordHashes = field(default_factory=_WordHashes, init=False, repr=False)
    _factors: NDArray[np.uint64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        state = np.random.default_rng(0)
        factors = state.integers(0, 2**64, size=self.width, dtype=np.uint64, endpoint=False)
        # Odd factors are invertible modulo 2**64, so that no bit of a word's hash is lost.
        self._factors = factors | np.uint64(1)

    def shingle(self, texts: Sequence[str]) -> Shingled:
        """The sets of texts; see `Shingled`."""
        found = [words(text) for text in texts]
        order = [hash_text(" ".join(some)) if some else b"" for some in found]
        rows = [self._hash_words(some) for some in found]
        lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
        flat = np.fromiter(chain.from_iterable(rows), dtype=np.uint64, count=int(lengths.sum()))
        hashes, owners = self._hash_shingles(flat, lengths)
        # Sorted by text, then hash: repetitions become neighbours, and each set rises.
        by_text = np.lexsort((hashes, owners))
        hashes, owners = hashes[by_text], owners[by_text]
        fresh = np.ones(len(hashes), dtype=np.bool_)
        fresh[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
        return Shingled(hashes[fresh], np.bincount(owners[fresh], minlength=len(rows)), order)

    def _hash_words(self, found: list[str]) -> list[int]:
        """The hashes of the words, padded with zeros to one shingle; [] without words."""
        row = [self._words[word] for word in found]
        return row + [0] * (self.width - len(row)) if row else row

    def _hash_shingles(
        self, flat: NDArray[np.uint64], lengths: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The hash of each shingle, and the index of its text."""
        owners = np.repeat(np.arange(len(lengths)), lengths)
        left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(flat))  # words from here to the end of the text
        starts = np.flatnonzero(left >= self.width)
        sums = np.zeros(len(starts), dtype=np.uint64)
        for place, factor in enumerate(self._factors):
            sums += flat[starts + place] * factor
        return _mix_bits(sums), owners[starts]


def hash_text(text: str) -> bytes:
    """A digest of a text, 16 bytes."""
    return hashlib.blake2b(_encode(text), digest_size=16).digest()


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _mix_bits(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea and Flood, OOPSLA 2014): every bit of the result depends on every bit."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
