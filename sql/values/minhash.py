"""MinHash signatures of many strings at once, equal to datasketch's, the band keys of its LSH, and bit sketches.

The sets are the character bigrams of a folded value with border marks ("^pa", ... are two letters each: "^p", "pa").
datasketch makes one signature per Python call; here every bigram has one row of hash values (sha1 of the bigram,
MurmurHash3's finaliser, then `a * h + b mod 2**32`: scheme "affine32"), made when it is first met, and a signature is
the minimum over the rows of its bigrams, taken for a block of texts at a time. The permutations are those of
datasketch; they are stored with an index.

A bit sketch sets one of 128 bits per bigram: what two sketches share tells cheaply how alike two texts are at most.

Method: Broder, "On the resemblance and containment of documents", 1997.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["BANDS", "LENGTHS", "ROWS", "SCHEME", "Signed", "Signer", "band_keys", "bigrams", "bits_set"]

BANDS = 32
ROWS = 3
SCHEME = "affine32"
LENGTHS = 64
"""Band keys end in the text's length, below this."""

_BLOCK = 512  # texts whose growing signatures fit the processor's cache
_ASCII = 128
_FEW = 4000  # bigrams of all texts together, up to which one pass beats one per place
_BYTE_BITS = np.array([bin(byte).count("1") for byte in range(256)], dtype=np.uint8)


@dataclass(frozen=True)
class Signed:
    """What `Signer.sign` makes of n texts.

    Attributes:
        signatures: uint32 (n, n_permutations).
        sketches: uint64 (n, 2), one of 128 bits per bigram.
    """

    signatures: NDArray[np.uint32]
    sketches: NDArray[np.uint64]


@dataclass
class Signer:
    """Computes signatures; keeps the hash values of each ASCII bigram that it has met. Safe to share between threads.

    Args:
        permutations: uint32 (2, n_permutations), datasketch's multipliers and offsets.
    """

    permutations: NDArray[np.uint32]
    _rows: NDArray[np.uint32] = field(init=False, repr=False)
    _bits: NDArray[np.uint64] = field(init=False, repr=False)
    _known: NDArray[np.bool_] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._rows = np.zeros((_ASCII * _ASCII, self.permutations.shape[1]), dtype=np.uint32)
        self._bits = np.zeros((2, _ASCII * _ASCII), dtype=np.uint64)
        self._known = np.zeros(_ASCII * _ASCII, dtype=np.bool_)

    def __reduce__(self) -> tuple[type[Signer], tuple[NDArray[np.uint32]]]:
        return Signer, (self.permutations,)

    @classmethod
    def from_datasketch(cls, num_perm: int = BANDS * ROWS, seed: int = 1) -> Signer:
        """A signer with the permutations of `datasketch.MinHash(num_perm, seed, scheme="affine32")`.

        They are drawn here, and tests compare them with datasketch's: it would bring scipy, 140 MB, for two draws.
        """
        draw = np.random.RandomState(seed)  # the generator that datasketch draws from
        # An odd multiplier makes h -> a * h + b a bijection modulo 2**32.
        odd = draw.randint(0, 1 << 31, num_perm, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
        return cls(np.stack([odd, draw.randint(0, 1 << 32, num_perm, dtype=np.uint32)]))

    def sign(self, texts: Sequence[str]) -> Signed:
        """Signatures of texts; an empty text still has one bigram, its two border marks."""
        joined = "".join([f"^{text}$" for text in texts])
        codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4")
        return self.sign_marked(codes, np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)) + 2)

    def sign_marked(self, codes: NDArray[np.uint32], lengths: NDArray[np.int64]) -> Signed:
        """Signatures of texts that are given end to end with their border marks.

        Args:
            codes: Code points of all texts, uint32.
            lengths: Code points of each, int64 (n_texts,), 2 or more.
        """
        if not len(lengths):
            return Signed(np.empty((0, self.permutations.shape[1]), dtype=np.uint32), np.empty((0, 2), dtype=np.uint64))
        ends = np.cumsum(lengths)
        counts = lengths - 1
        starts = np.cumsum(counts) - counts
        inside = np.ones(len(codes), dtype=np.bool_)
        inside[ends - 1] = False
        places = np.flatnonzero(inside)
        grams, rows, bits = self._vocabulary(codes[places], codes[places + 1])
        sketches = np.stack([np.bitwise_or.reduceat(half[grams], starts) for half in bits], axis=1)
        if len(grams) <= _FEW:
            return Signed(np.minimum.reduceat(rows[grams], starts, axis=0), sketches)
        # beyond _FEW a copy of the hash rows of all bigrams would be large
        return Signed(_minima(grams, rows, starts, counts), sketches)

    def _vocabulary(
        self, first: NDArray[np.uint32], second: NDArray[np.uint32]
    ) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.uint64]]:
        """For each bigram its number, and by number the hash values and the bits."""
        if max(int(first.max()), int(second.max())) < _ASCII:
            grams = (first * np.uint32(_ASCII) + second).astype(np.int64)
            fresh = np.unique(grams[~self._known[grams]])
            if len(fresh):
                # hashes of ASCII bigrams are kept, so that SHA-1 runs once for each
                self._rows[fresh], self._bits[:, fresh] = self._hash(fresh // _ASCII, fresh % _ASCII)
                self._known[fresh] = True  # last: another thread may look
            return grams, self._rows, self._bits
        # bigrams beyond ASCII are too many for a table: each distinct one of the batch is hashed once
        wide = (first.astype(np.uint64) << np.uint64(32)) | second
        unique, inverse = np.unique(wide, return_inverse=True)
        rows, bits = self._hash(unique >> np.uint64(32), unique & np.uint64(0xFFFFFFFF))
        return inverse.reshape(-1), rows, bits

    def _hash(
        self, first: NDArray[np.integer], second: NDArray[np.integer]
    ) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
        digests = [
            hashlib.sha1(_encode(chr(a) + chr(b)), usedforsecurity=False).digest()[:8]
            for a, b in zip(first.tolist(), second.tolist(), strict=True)
        ]
        words = np.frombuffer(b"".join(digests), dtype="<u4").reshape(-1, 2)
        multipliers, offsets = self.permutations
        bits = np.zeros((2, len(words)), dtype=np.uint64)
        place = words[:, 1] & np.uint32(127)
        bits[place >> 6, np.arange(len(words))] = np.uint64(1) << (place & np.uint32(63)).astype(np.uint64)
        return _finalise(words[:, 0])[:, None] * multipliers + offsets, bits


def bigrams(text: str) -> list[bytes]:
    """The bigrams of one text as the bytes that are hashed; the slow reference of `Signer`."""
    marked = f"^{text}$"
    return [_encode(marked[i : i + 2]) for i in range(len(marked) - 1)]


def band_keys(
    signatures: NDArray[np.uint32], lengths: NDArray[np.int64], bands: int = BANDS, rows: int = ROWS
) -> NDArray[np.uint32]:
    """One key per band, uint32 (n_bands, n_texts): 26 bits of the band's minima, then 6 bits of the text's length.

    Texts with equal minima and lengths from a to b lie between the keys of a and b. Different minima share a key with
    probability 2**-26, which the edit filter behind it removes.
    """
    cut = signatures[:, : bands * rows].reshape(len(signatures), bands, rows)
    tail = np.minimum(lengths, LENGTHS - 1).astype(np.uint32)
    out = np.empty((bands, len(signatures)), dtype=np.uint32)
    for begin in range(0, len(signatures), _BLOCK):
        part = cut[begin : begin + _BLOCK]
        key = np.full(part.shape[:2], 0x9E3779B9, dtype=np.uint32)
        for row in range(rows):
            key ^= part[:, :, row]
            key *= np.uint32(0x85EBCA6B)
            key ^= key >> np.uint32(13)
        key *= np.uint32(0xC2B2AE35)
        key ^= key >> np.uint32(16)
        out[:, begin : begin + _BLOCK] = ((key & np.uint32(0xFFFFFFC0)) | tail[begin : begin + _BLOCK, None]).T
    return out


def bits_set(sketches: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Number of bits set in each sketch, int64 (n,); `sketches` is uint64 (n, 2)."""
    if hasattr(np, "bitwise_count"):  # since numpy 2
        counts: NDArray[np.int64] = np.bitwise_count(sketches).sum(axis=-1, dtype=np.int64)
        return counts
    bits: NDArray[np.int64] = _BYTE_BITS[np.ascontiguousarray(sketches).view(np.uint8)].sum(axis=-1, dtype=np.int64)
    return bits


def _minima(
    grams: NDArray[np.int64], rows: NDArray[np.uint32], starts: NDArray[np.int64], counts: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """Minimum over the rows of each text's bigrams: a block of texts at a time, place by place, longest texts first."""
    order = np.argsort(-counts, kind="stable")
    out = np.empty((len(starts), rows.shape[1]), dtype=np.uint32)
    buffer = np.empty((_BLOCK, rows.shape[1]), dtype=np.uint32)
    least = np.empty_like(buffer)
    for begin in range(0, len(order), _BLOCK):
        mine = order[begin : begin + _BLOCK]
        first, left = starts[mine], counts[mine]
        np.take(rows, grams[first], axis=0, out=least[: len(mine)], mode="clip")
        for place in range(1, int(left[0])):
            live = int(np.searchsorted(-left, -place, "left"))
            np.take(rows, grams[first[:live] + place], axis=0, out=buffer[:live], mode="clip")
            np.minimum(least[:live], buffer[:live], out=least[:live])
        out[mine] = least[: len(mine)]
    return out


def _finalise(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    mixed: NDArray[np.uint32] = values ^ (values >> np.uint32(16))
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
