"""Many sets of hashes, in memory while they are few and in a temporary file from then on."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["HashSets"]

_IN_MEMORY = 64 << 20  # bytes
_BLOCK = 1 << 19  # hashes that are read at once, or one set


class HashSets:
    """Sets of uint64, each rising; used as a context manager, which takes the file away. For one thread."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  # closed by __exit__
        self._sizes: list[NDArray[np.int64]] = []
        self._ends = np.zeros(0, dtype=np.int64)

    def __enter__(self) -> HashSets:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, hashes: NDArray[np.uint64], sizes: NDArray[np.int64]) -> None:
        """Sets that lie end to end in `hashes`."""
        self._file.seek(0, 2)
        self._file.write(hashes.astype("<u8", copy=False).tobytes())
        self._sizes.append(sizes)

    def seal(self) -> NDArray[np.int64]:
        """To be called once, after the last `add`; int64 (n_sets,), the size of each set."""
        sizes = np.concatenate(self._sizes) if self._sizes else np.zeros(0, dtype=np.int64)
        self._ends = np.cumsum(sizes)
        return sizes

    def many(self, indices: Sequence[int]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """The sets of these indices, none empty, end to end, and where each starts."""
        parts = [self._read(int(self._ends[i - 1]) if i else 0, int(self._ends[i])) for i in indices]
        sizes = [len(part) for part in parts]
        return np.concatenate(parts), np.cumsum([0, *sizes[:-1]])

    def blocks(self) -> Iterator[tuple[int, int, NDArray[np.uint64]]]:
        """All sets in order, so many at a time: the first index, the one after the last, and the hashes end to end."""
        first, start = 0, 0
        while first < len(self._ends):
            last = max(first + 1, int(np.searchsorted(self._ends, start + _BLOCK, "right")))
            end = int(self._ends[last - 1])
            yield first, last, self._read(start, end)
            first, start = last, end

    def _read(self, start: int, end: int) -> NDArray[np.uint64]:
        self._file.seek(8 * start)
        return np.frombuffer(self._file.read(8 * (end - start)), dtype="<u8").astype(np.uint64, copy=False)
