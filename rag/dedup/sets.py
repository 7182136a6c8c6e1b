"""Many sets of hashes, in memory while they are few and in a temporary file from then on."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["HashSets"]

_IN_MEMORY = 64 << 20  # bytes
_BLOCK = 1 << 19  # hashes that are read at once, or one set


class HashSets:
    """Sets of uint64, each rising; used as a context manager, which takes the file away. For one thread."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # closed by __exit__
        self._added: list[NDArray[np.int64]] = []
        self._sizes = self._ends = np.zeros(0, dtype=np.int64)
        self._held: NDArray[np.uint64] | None = None  # all of them, if they are few

    def __enter__(self) -> HashSets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, hashes: NDArray[np.uint64], sizes: NDArray[np.int64]) -> None:
        """Sets that lie end to end in `hashes`."""
        self._file.write(hashes.astype("<u8", copy=False).tobytes())
        self._added.append(sizes)

    def seal(self) -> NDArray[np.int64]:
        """To be called once, after the last `add`; int64 (n_sets,), the size of each set."""
        self._sizes = np.concatenate([self._sizes, *self._added])
        self._ends = np.cumsum(self._sizes)
        total = int(self._sizes.sum())
        if 8 * total <= _IN_MEMORY:
            self._held = self._read(0, total)
        return self._sizes

    def many(self, indices: NDArray[np.signedinteger]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The sets of these indices, none empty, end to end, and where each starts."""
        sizes, ends = self._sizes[indices], self._ends[indices]
        starts = np.cumsum(sizes) - sizes
        if self._held is not None:
            return self._held[np.repeat(ends - sizes - starts, sizes) + np.arange(sizes.sum())], starts
        pairs = zip((ends - sizes).tolist(), ends.tolist(), strict=True)
        return np.concatenate([self._read(start, end) for start, end in pairs]), starts

    def blocks(self) -> Iterator[tuple[int, int, NDArray[np.uint64]]]:
        """All sets in order, so many at a time: the first index, the one after the last, and the hashes end to end."""
        first, start = 0, 0
        while first < len(self._ends):
            last = max(first + 1, int(np.searchsorted(self._ends, start + _BLOCK, "right")))
            end = int(self._ends[last - 1])
            yield first, last, self._read(start, end)
            first, start = last, end

    def _read(self, start: int, end: int) -> NDArray[np.uint64]:
        if self._held is not None:
            return self._held[start:end]
        self._file.seek(8 * start)
        return np.frombuffer(self._file.read(8 * (end - start)), dtype="<u8").astype(np.uint64, copy=False)
