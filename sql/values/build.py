"""Builds the arrays of a value index: pure functions over batches of values (map), then one merge (reduce).

`map_batch` knows nothing but its batch and `merge` nothing but batches, so that many processes, or an engine that
distributes work, can run the same functions.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ctxprune.errors import IndexBuildError

from .eligibility import LONGEST_VALUE
from .keys import hashes, value_keys
from .minhash import BANDS, ROWS, Signer, band_keys
from .spans import key_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)
__all__ = ["Arrays", "Batch", "map_batch", "merge"]

_MOST_VALUES = 2**31
_FUZZY_LENGTH = range(3, 61)


@dataclass(frozen=True)
class Batch:
    """What `map_batch` makes of the values of one column; row numbers count from the start of the batch.

    Attributes:
        text: UTF-8 of all values, end to end; lone surrogates are kept as three bytes.
        lengths: Bytes of each value.
        column: The column's number.
        key_hashes, key_rows: A row stands under each of its keys.
        fuzzy_rows, signatures: MinHash signature of each row that the LSH stage holds.
        too_long: Values left out because they are longer than 200 characters.
    """

    text: bytes
    lengths: NDArray[np.int64]
    column: int
    key_hashes: NDArray[np.uint64]
    key_rows: NDArray[np.uint32]
    fuzzy_rows: NDArray[np.uint32]
    signatures: NDArray[np.uint32]
    too_long: int = 0


@dataclass(frozen=True)
class Arrays:
    """The index itself; each field is one file on disk.

    Attributes:
        text: uint8 (n_bytes,), UTF-8 of all values.
        ends: int64 (n_values,), where each value ends in `text`.
        columns: int32 (n_values,), column number of each value.
        key_hashes: uint64 (n_keys,), sorted.
        key_rows: uint32 (n_keys,), the value filed under each key.
        permutations: uint32 (2, n_permutations), datasketch's.
        fuzzy_rows: uint32 (n_fuzzy,), the values of the LSH stage.
        signatures: uint32 (n_fuzzy, n_permutations).
        band_keys: uint32 (n_bands, n_fuzzy), each row sorted.
        band_rows: uint32 (n_bands, n_fuzzy), position in `fuzzy_rows` of each band key.
    """

    text: NDArray[np.uint8]
    ends: NDArray[np.int64]
    columns: NDArray[np.int32]
    key_hashes: NDArray[np.uint64]
    key_rows: NDArray[np.uint32]
    permutations: NDArray[np.uint32]
    fuzzy_rows: NDArray[np.uint32]
    signatures: NDArray[np.uint32]
    band_keys: NDArray[np.uint32]
    band_rows: NDArray[np.uint32]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Field names, in order."""
        return tuple(field.name for field in fields(cls))

    def value(self, row: int) -> str:
        """The stored value of one row."""
        start = int(self.ends[row - 1]) if row else 0
        return bytes(self.text[start : int(self.ends[row])]).decode("utf-8", "surrogatepass")


def map_batch(column: int, values: Sequence[str], signer: Signer, *, fuzzy: bool) -> Batch:
    """Files the distinct values of one column under their keys, and signs those that the LSH stage may hold."""
    kept = [value for value in values if len(value) <= LONGEST_VALUE]
    encoded = [value.encode("utf-8", "surrogatepass") for value in kept]
    keys: list[str] = []
    key_rows: list[int] = []
    rows: list[int] = []
    texts: list[str] = []
    for row, value in enumerate(kept):
        words = key_words(value)
        mine = value_keys(value, words)
        keys += mine
        key_rows += [row] * len(mine)
        folded = " ".join(words)
        if fuzzy and len(folded) in _FUZZY_LENGTH and not folded.replace(" ", "").isdigit():
            rows.append(row)
            texts.append(folded)
    return Batch(
        text=b"".join(encoded),
        lengths=np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded)),
        column=column,
        key_hashes=hashes(keys),
        key_rows=np.array(key_rows, dtype=np.uint32),
        fuzzy_rows=np.array(rows, dtype=np.uint32),
        signatures=signer.sign(texts),
        too_long=len(values) - len(kept),
    )


def merge(batches: Sequence[Batch], signer: Signer) -> Arrays:
    """One index of all batches, in their order.

    Raises:
        IndexBuildError: There are more than 2**31 values.
    """
    sizes = np.array([len(batch.lengths) for batch in batches], dtype=np.int64)
    if sizes.sum() >= _MOST_VALUES:
        raise IndexBuildError(f"{sizes.sum()} values are more than one index holds", hint="exclude columns")
    firsts = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
    key_hashes = _joined([batch.key_hashes for batch in batches], np.uint64)
    key_rows = _joined(
        [batch.key_rows + np.uint32(first) for batch, first in zip(batches, firsts, strict=False)], np.uint32
    )
    fuzzy = [batch.fuzzy_rows + np.uint32(first) for batch, first in zip(batches, firsts, strict=False)]
    order = np.lexsort((key_rows, key_hashes))
    width = signer.permutations.shape[1]
    signatures = np.concatenate(
        [np.empty((0, width), np.uint32), *(b.signatures for b in batches if len(b.signatures))]
    )
    bands = _sorted_bands(signatures)
    return Arrays(
        text=np.frombuffer(b"".join([batch.text for batch in batches]), dtype=np.uint8),
        ends=np.cumsum(_joined([batch.lengths for batch in batches], np.int64)),
        columns=np.repeat(np.array([batch.column for batch in batches], dtype=np.int32), sizes),
        key_hashes=key_hashes[order],
        key_rows=key_rows[order],
        permutations=signer.permutations,
        fuzzy_rows=_joined(fuzzy, np.uint32),
        signatures=signatures,
        band_keys=bands[0],
        band_rows=bands[1],
    )


def _sorted_bands(signatures: NDArray[np.uint32]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    keys = band_keys(signatures, BANDS, ROWS)
    rows = np.empty(keys.shape, dtype=np.uint32)
    for band in range(len(keys)):
        order = np.argsort(keys[band], kind="stable")
        keys[band], rows[band] = keys[band][order], order
    return keys, rows


def _joined(parts: Sequence[NDArray[T]], kind: type[T]) -> NDArray[T]:
    return np.concatenate([np.empty(0, dtype=kind), *parts])
