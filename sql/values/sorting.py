"""The distinct values of one column in order, in bounded memory: sorted runs on disk, then one merge."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["in_order"]

_CHUNK = 400_000
_READ = 4096


def in_order(batches: Iterable[list[str]], folder: Path | None = None, *, chunk: int | None = None) -> Iterator[str]:
    """All values of some batches, each once, rising by code point, which is also the order of their UTF-8 bytes.

    Args:
        batches: Values in any order, also several times.
        folder: Where sorted runs are kept while they are needed; without one everything is sorted in memory.
        chunk: Distinct values that are held in memory at once; default 400,000.

    Raises:
        OSError: A run cannot be written.
    """
    runs: list[Path] = []
    seen: set[str] = set()
    most = _CHUNK if chunk is None else chunk
    for values in batches:
        seen.update(values)
        if folder is not None and len(seen) >= most:
            runs.append(_spill(sorted(seen), folder / f"sort-{len(runs):05d}"))
            seen.clear()
    last = sorted(seen)
    seen.clear()
    if not runs:
        yield from last
        return
    before = None
    for value in heapq.merge(*map(_read, runs), last):
        if value != before:
            yield value
        before = value
    for run in runs:
        run.with_suffix(".text").unlink()
        run.with_suffix(".npy").unlink()


def _spill(values: list[str], path: Path) -> Path:
    encoded = [value.encode("utf-8", "surrogatepass") for value in values]
    with path.with_suffix(".text").open("wb") as file:
        file.writelines(encoded)
    np.save(path.with_suffix(".npy"), np.fromiter(map(len, encoded), dtype=np.uint16, count=len(encoded)))
    return path


def _read(path: Path) -> Iterator[str]:
    lengths = np.load(path.with_suffix(".npy"), allow_pickle=False)
    with path.with_suffix(".text").open("rb") as file:
        for first in range(0, len(lengths), _READ):
            some = lengths[first : first + _READ].tolist()
            data = file.read(sum(some))
            at = 0
            for length in some:
                yield data[at : at + length].decode("utf-8", "surrogatepass")
                at += length
