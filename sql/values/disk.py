"""Arrays on disk: written piece by piece, read memory-mapped; no pickle."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .build import Part, Source, merged_entries, merged_rows, merged_texts
from .minhash import BANDS
from .postings import directory_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["STATE", "ArrayWriter", "checksum", "load", "mapped", "write_merged", "write_run"]

_STEP = 1 << 22
STATE = "state.json"
"""The file of a work folder that says how far its build came."""


class ArrayWriter:
    """One .npy file that grows along its first axis; use as a context manager.

    Args:
        path: The file, which must not exist.
        kind: Type of the elements.
        tail: The shape behind the first axis.

    Attributes:
        length: Elements along the first axis so far.
    """

    def __init__(self, path: Path, kind: type[np.generic], tail: tuple[int, ...] = ()) -> None:
        self.path, self.length = path, 0
        self._dtype, self._tail = np.dtype(kind), tail
        self._file = path.open("xb")
        self._crc = 0
        self._write_header()
        self._body = self._file.tell()

    def __enter__(self) -> ArrayWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._file.close()

    def append(self, array: NDArray[Any]) -> None:
        """Write more elements, array (n, *tail).

        Raises:
            OSError: The disk is full.
        """
        data = np.ascontiguousarray(array, dtype=self._dtype)
        self._file.write(data.data if data.size else b"")
        self._crc = zlib.crc32(data.data if data.size else b"", self._crc)
        self.length += len(data)

    def described(self) -> dict[str, Any]:
        """What a manifest says of the finished file."""
        shape = [self.length, *self._tail]
        return {"dtype": self._dtype.str, "shape": shape, "bytes": self.path.stat().st_size, "crc": self._crc}

    def _write_header(self) -> None:
        shape = (self.length, *self._tail)
        header = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def _finish(self) -> None:
        self._file.seek(0)
        self._write_header()
        if self._file.tell() != self._body:  # numpy leaves room for a longer first axis
            raise OSError(f"the header of {self.path.name} has outgrown its place")
        self._file.flush()
        os.fsync(self._file.fileno())


def write_merged(folder: Path, sources: Sequence[Source]) -> dict[str, dict[str, Any]]:
    """Write the merge of all sources, and the directories of its posting lists, one file each; in bounded memory.

    Returns:
        By array name, what a manifest says of it.

    Raises:
        OSError: It cannot be written.
        IndexBuildError: There are more than 2**31 values.
    """
    found = {}
    with ArrayWriter(folder / "text.npy", np.uint8) as text, ArrayWriter(folder / "ends.npy", np.int64) as ends:
        for piece, piece_ends in merged_texts(sources):
            text.append(piece)
            ends.append(piece_ends)
    found["text"], found["ends"] = text.described(), ends.described()
    found["sketches"] = _write(folder / "sketches.npy", np.uint64, (2,), merged_rows(sources, "sketches"))
    found["keys"] = _write(folder / "keys.npy", np.uint64, (), merged_entries(sources, "keys"))
    found["bands"], found["band_starts"] = _write_bands(folder, sources)
    n_keys = found["keys"]["shape"][0]
    starts = directory_of(_read(folder / "keys.npy", 0, n_keys), n_keys)
    found["key_starts"] = _write(folder / "key_starts.npy", starts.dtype.type, (), [starts])
    return found


def write_run(folder: Path, part: Part, rows: NDArray[np.uint32]) -> dict[str, int]:
    """Write a part and its new rows into a new folder.

    Returns:
        By file name, the checksum of its elements.
    """
    folder.mkdir()
    arrays = {**{name: getattr(part, name) for name in Part.names()}, "rows": rows}
    found = {}
    for name, array in arrays.items():
        with ArrayWriter(folder / f"{name}.npy", array.dtype.type, array.shape[1:]) as writer:
            writer.append(array)
        found[name] = int(writer.described()["crc"])
    return found


def load(folder: Path) -> Source:
    """A run on disk; each array is mapped when it is read and given back when it is let go."""
    return Source(lambda name: mapped(folder / f"{name}.npy"), np.array(mapped(folder / "rows.npy")))


def mapped(path: Path) -> NDArray[Any]:
    """One array, memory-mapped.

    Raises:
        OSError, ValueError: The file is absent or no array; pickled objects are refused.
    """
    small = path.stat().st_size <= 4096  # an empty file cannot be mapped
    return np.asarray(np.load(path, mmap_mode=None if small else "r", allow_pickle=False))


def checksum(path: Path) -> int:
    """CRC-32 of the elements of an array on disk, as `ArrayWriter` reckons it; in bounded memory."""
    found = 0
    for piece in _read(path, 0, len(mapped(path))):
        found = zlib.crc32(piece.data if piece.size else b"", found)
    return found


def _read(path: Path, first: int, last: int) -> Iterator[NDArray[Any]]:
    """Elements of an array on disk in pieces; what was read does not stay mapped, so that it takes no memory."""
    for start in range(first, last, _STEP):
        yield np.array(mapped(path)[start : min(start + _STEP, last)])


def _write(path: Path, kind: type[np.generic], tail: tuple[int, ...], pieces: Iterable[NDArray[Any]]) -> dict[str, Any]:
    with ArrayWriter(path, kind, tail) as writer:
        for piece in pieces:
            writer.append(piece)
    return writer.described()


def _write_bands(folder: Path, sources: Sequence[Source]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each band is one row of its array: rows are written one behind the other, as one flat array."""
    width = 0
    path = folder / "bands.npy"
    with ArrayWriter(path, np.uint64) as bands:
        for band in range(BANDS):
            for piece in merged_entries(sources, "bands", band):
                bands.append(piece)
            width = bands.length // (band + 1)
    said = bands.described()
    starts = (directory_of(_read(path, band * width, (band + 1) * width), width) for band in range(BANDS))
    return said, _write(folder / "band_starts.npy", np.uint32, (), starts)  # a band holds a row once
