"""The stored values that look most like some texts, by MinHash LSH and bit sketches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .minhash import LENGTHS, band_keys, bits_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .minhash import Signer
    from .stores import ValueStore

__all__ = ["neighbours", "similarities"]

_MOST_SHARING = 64
_MOST_ROWS = 20
_MOST_ROWS_IN_ALL = 60
_LEAST_ALIKE = 0.25


def neighbours(texts: Sequence[str], store: ValueStore, signer: Signer) -> list[list[int]]:
    """For each text the rows that share a band with it and are about as long, the most alike first.

    At most 20 for a text and 60 in all. Bands that more than 64 values of such lengths share are passed over: they tell
    little, and a value that is close shares others.
    """
    signed = signer.sign(texts)
    lengths = np.array([len(text) for text in texts])
    # an edit ratio of 0.8 needs the shorter text to have two thirds of the longer one's length
    shortest, longest = -(-lengths * 2 // 3), np.minimum(lengths * 3 // 2, LENGTHS - 1)
    # the length stands in the lowest bits of a band key, so that a range of lengths is one range of keys
    low = band_keys(signed.signatures, shortest)
    high = (low & np.uint32(~(LENGTHS - 1) & 0xFFFFFFFF)) | longest.astype(np.uint32)
    owner, rows = store.near(low, high, most=_MOST_SHARING)
    close = similarities(store.sketches(rows), signed.sketches[owner])
    chosen = np.flatnonzero(close > _LEAST_ALIKE)
    owner, rows, close = owner[chosen], rows[chosen], close[chosen]
    order = np.lexsort((rows, owner, -close))
    owner, rows = owner[order], rows[order]
    fresh = np.ones(len(order), dtype=np.bool_)  # a pair comes once for each band that it shares
    fresh[1:] = (owner[1:] != owner[:-1]) | (rows[1:] != rows[:-1])
    found: list[list[int]] = [[] for _text in texts]
    left = _MOST_ROWS_IN_ALL
    for text, row in zip(owner[fresh].tolist(), rows[fresh].tolist(), strict=True):
        if len(found[text]) < _MOST_ROWS and left:
            found[text].append(row)
            left -= 1
    return found


def similarities(sketches: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Estimate of the share of bigrams that two texts have in common, 0..1."""
    shared: NDArray[np.float64] = bits_set(sketches & others) / np.maximum(bits_set(sketches | others), 1)
    return shared
