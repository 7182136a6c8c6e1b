"""MinHash signatures of many strings at once, equal to datasketch's, and the band keys of its LSH.

The sets are the character bigrams of a folded value with border marks ("^pa", ... are two letters each: "^p", "pa").
datasketch makes one signature per Python call; here one batch is one pass of numpy per permutation, which is the same
arithmetic: sha1 of the bigram, MurmurHash3's finaliser, then `a * h + b mod 2**32` and the minimum (scheme "affine32").
The permutations are datasketch's own and are stored with an index, so that looking up needs no datasketch.

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

__all__ = ["BANDS", "ROWS", "SCHEME", "Signer", "band_keys", "bigrams"]

BANDS = 32
ROWS = 3
SCHEME = "affine32"
_SMALL = 2000  # bigrams of all texts together, up to which one pass over a matrix beats one pass per permutation
_FNV = np.uint64(1099511628211)


@dataclass
class Signer:
    """Computes signatures; keeps the hash of each bigram that it has met.

    Args:
        permutations: uint32 (2, n_permutations), datasketch's multipliers and offsets.
    """

    permutations: NDArray[np.uint32]
    _hashes: dict[int, int] = field(default_factory=dict, repr=False)

    @classmethod
    def from_datasketch(cls, num_perm: int = BANDS * ROWS, seed: int = 1) -> Signer:
        """A signer with the permutations of `datasketch.MinHash(num_perm, seed, scheme="affine32")`."""
        from datasketch import MinHash

        pair = MinHash(num_perm=num_perm, seed=seed, scheme=SCHEME).permutations
        return cls(np.ascontiguousarray(pair, dtype=np.uint32))

    def sign(self, texts: Sequence[str]) -> NDArray[np.uint32]:
        """Signatures, uint32 (n_texts, n_permutations); an empty text still has one bigram, its two border marks."""
        multipliers, offsets = self.permutations
        out = np.empty((len(texts), len(multipliers)), dtype=np.uint32)
        if not texts:
            return out
        grams, starts = _pairs(texts)
        unique, inverse = np.unique(grams, return_inverse=True)
        mixed = _finalise(self._hash(unique))
        if len(grams) < _SMALL:
            return np.minimum.reduceat((mixed[:, None] * multipliers + offsets)[inverse], starts, axis=0)
        for k, (a, b) in enumerate(zip(multipliers, offsets, strict=True)):
            out[:, k] = np.minimum.reduceat((mixed * a + b)[inverse], starts)
        return out

    def _hash(self, grams: NDArray[np.uint64]) -> NDArray[np.uint32]:
        known = self._hashes
        for gram in grams.tolist():
            if gram not in known:
                text = chr(gram >> 32) + chr(gram & 0xFFFFFFFF)
                digest = hashlib.sha1(_encode(text), usedforsecurity=False).digest()
                known[gram] = int.from_bytes(digest[:4], "little")
        return np.fromiter((known[gram] for gram in grams.tolist()), dtype=np.uint32, count=len(grams))


def bigrams(text: str) -> list[bytes]:
    """The bigrams of one text as the bytes that are hashed; the slow reference of `Signer`."""
    marked = f"^{text}$"
    return [_encode(marked[i : i + 2]) for i in range(len(marked) - 1)]


def band_keys(signatures: NDArray[np.uint32], bands: int = BANDS, rows: int = ROWS) -> NDArray[np.uint32]:
    """One key per band, uint32 (n_bands, n_texts): equal where all `rows` minima of the band are equal.

    Different minima share a key with probability 2**-32, which the edit filter behind it removes.
    """
    cut = signatures[:, : bands * rows].reshape(len(signatures), bands, rows)
    key = np.full(cut.shape[:2], 14695981039346656037, dtype=np.uint64)
    for row in range(rows):
        key = (key ^ cut[:, :, row]) * _FNV
        key ^= key >> np.uint64(29)
    return np.ascontiguousarray((key >> np.uint64(32)).astype(np.uint32).T)


def _pairs(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    joined = "".join([f"^{text}$" for text in texts])
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    lengths = np.fromiter(map(len, texts), dtype=np.intp, count=len(texts)) + 2
    ends = np.cumsum(lengths)
    inside = np.ones(len(codes), dtype=np.bool_)
    inside[ends - 1] = False
    grams = (codes[:-1] << np.uint64(32)) | codes[1:]
    counts = lengths - 1
    return grams[inside[:-1]], np.concatenate(([0], np.cumsum(counts)[:-1]))


def _finalise(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    mixed: NDArray[np.uint32] = values ^ (values >> np.uint32(16))
    mixed *= np.uint32(0x85EBCA6B)
    mixed ^= mixed >> np.uint32(13)
    mixed *= np.uint32(0xC2B2AE35)
    mixed ^= mixed >> np.uint32(16)
    return mixed


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
