"""Many sets of hashes, kept in memory up to a limit and in a temporary file beyond it."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["HashSets"]

_IN_MEMORY = 64 << 20  # bytes, up to which no file is written
_BLOCK = 1 << 19  # hashes read at once; a larger set is read alone


class HashSets:
    """Sets of uint64, each rising; a context manager, which deletes the file. Not safe to share between threads."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # closed by __exit__
        self._added: list[NDArray[np.int64]] = []
        self._sizes = self._ends = np.zeros(0, dtype=np.int64)
        self._held: NDArray[np.uint64] | None = None  # all hashes, where they fit into `_IN_MEMORY`

    def __enter__(self) -> HashSets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, hashes: NDArray[np.uint64], sizes: NDArray[np.int64]) -> None:
        """Add sets that are concatenated in `hashes`."""
        # Little-endian by name, so that reading does not depend on the machine's own order.
        self._file.write(hashes.astype("<u8", copy=False).tobytes())
        self._added.append(sizes)

    def seal(self) -> NDArray[np.int64]:
        """Finish adding; to be called once. Gives int64 (n_sets,), the size of each set."""
        self._sizes = np.concatenate([self._sizes, *self._added])
        self._ends = np.cumsum(self._sizes)
        total = int(self._sizes.sum())
        if 8 * total <= _IN_MEMORY:
            self._held = self._read(0, total)
        return self._sizes

    def many(self, indices: NDArray[np.signedinteger]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The sets of these indices, none empty, concatenated, and where each starts."""
        sizes, ends = self._sizes[indices], self._ends[indices]
        starts = np.cumsum(sizes) - sizes
        if self._held is not None:
            return self._held[np.repeat(ends - sizes - starts, sizes) + np.arange(sizes.sum())], starts
        pairs = zip((ends - sizes).tolist(), ends.tolist(), strict=True)
        return np.concatenate([self._read(start, end) for start, end in pairs]), starts

    def blocks(self) -> Iterator[tuple[int, int, NDArray[np.uint64]]]:
        """All sets in order, in blocks: index of the first set, index after the last, and the hashes concatenated."""
        first, start = 0, 0
        while first < len(self._ends):
            # One set at the least, however large, or the loop would never get past it.
            last = max(first + 1, int(np.searchsorted(self._ends, start + _BLOCK, "right")))
            end = int(self._ends[last - 1])
            yield first, last, self._read(start, end)
            first, start = last, end

    def _read(self, start: int, end: int) -> NDArray[np.uint64]:
        if self._held is not None:
            return self._held[start:end]
        self._file.seek(8 * start)
        return np.frombuffer(self._file.read(8 * (end - start)), dtype="<u8").astype(np.uint64, copy=False)
