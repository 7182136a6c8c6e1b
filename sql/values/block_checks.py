"""Checksums of blocks: each block of an array on disk is compared with its checksum before it is first used.

A look-up reads some thousand places of an index that may be larger than memory. Comparing the whole file with one
checksum would read all of it, so there is one for each 1024 bytes, and a block that was found sound is not compared
again by the same reader. Larger blocks make a first look-up slower, since most of a block is read for its checksum
alone; smaller ones make more checksums to read when an index is opened (now four bytes each, 0.4 % of the index).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["BLOCK", "BUILD", "REPAIR", "BlockChecks", "NoChecks", "block_sums", "n_blocks"]

BLOCK = 1024
"""Bytes of a block; the last one of an array may be shorter."""
BUILD = "run: ctxprune sql index DATABASE --out DIR"
"""The hint where an index cannot be opened: a build then makes it anew."""
REPAIR = f"{BUILD} --repair"
"""The hint where a byte of an index is damaged that opening it does not read."""


def n_blocks(n_bytes: int) -> int:
    """Blocks of an array of so many bytes."""
    return -(-n_bytes // BLOCK)


def block_sums(data: memoryview) -> list[int]:
    """CRC-32 of each block of some bytes."""
    return [zlib.crc32(data[first : first + BLOCK]) for first in range(0, len(data), BLOCK)]


class NoChecks:
    """For arrays in memory, which were made here or compared as a whole."""

    def read(self, places: NDArray[np.int64]) -> None:
        """These elements are about to be read."""

    def read_between(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> None:
        """All elements from each `first` to `last` - 1 are about to be read; nothing where `last` is not greater."""

    def read_all(self) -> None:
        """Everything is about to be read."""


class BlockChecks(NoChecks):
    """The blocks of one array on disk. Safe to share between threads: at worst a block is compared twice.

    Args:
        array: The array, its elements along the first axis; a block holds a whole number of them.
        sums: uint32 (n_blocks,), the checksum of each block.
        path: Its file, for messages.
    """

    def __init__(self, array: NDArray[Any], sums: NDArray[np.uint32], path: Path) -> None:
        self._data = array.reshape(-1).view(np.uint8).data
        width = array.itemsize * int(np.prod(array.shape[1:], dtype=np.int64))
        self._shift = (BLOCK // width).bit_length() - 1
        self._sums, self._path = sums, path
        self._sound = np.zeros(len(sums), dtype=np.bool_)

    def read(self, places: NDArray[np.int64]) -> None:
        """As `NoChecks.read`; any shape.

        Raises:
            FormatError: A block that holds one of them is damaged.
        """
        self._compare(places.reshape(-1) >> self._shift)

    def read_between(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> None:
        """As `NoChecks.read_between`.

        Raises:
            FormatError: A block that holds one of them is damaged.
        """
        first, last = first.reshape(-1), last.reshape(-1)
        filled = last > first
        low, high = first[filled] >> self._shift, (last[filled] - 1) >> self._shift
        self._compare(low)
        self._compare(high)
        for start, end in zip(*(blocks[high > low + 1].tolist() for blocks in (low, high)), strict=True):
            self._compare(np.arange(start + 1, end))

    def read_all(self) -> None:
        """As `NoChecks.read_all`.

        Raises:
            FormatError: A block is damaged.
        """
        self._compare(np.arange(len(self._sums)))

    def _compare(self, blocks: NDArray[np.int64]) -> None:
        sound = self._sound[blocks]
        if sound.all():  # nearly always, once an index is warm
            return
        wanted = np.unique(blocks[~sound])
        data, starts = self._data, (wanted * BLOCK).tolist()
        found = np.array([zlib.crc32(data[first : first + BLOCK]) for first in starts], dtype=np.uint32)
        wrong = np.flatnonzero(found != self._sums[wanted])
        if len(wrong):
            first = starts[int(wrong[0])]
            raise FormatError(
                f"bytes {first} to {first + BLOCK} of an array of the index are damaged",
                where=str(self._path),
                hint=REPAIR,
            )
        self._sound[wanted] = True
