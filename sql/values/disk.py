"""Arrays on disk: written piece by piece, read memory-mapped; no pickle.

The files are .npy files of format 1.0 whose header is always 128 bytes long and says the same thing in one way only.
So a reader knows every byte that a header may have and hands none of it to a parser.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.storage.npz import parse_npy_header

from .block_checks import block_sums
from .index_arrays import IndexArrays, MergeSource, merge_entries, merge_rows, merge_texts
from .minhash import BANDS
from .postings import directory_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from types import TracebackType

    from numpy.typing import NDArray

__all__ = ["CHECKED", "STATE", "ArrayWriter", "checksum", "header_of", "load", "mapped", "write_merged", "write_run"]

_STEP = 1 << 22  # elements that are read at once; whole blocks of any type
_HEADER = 128  # bytes
_SMALL = 4096  # bytes of a file that is read rather than mapped
CHECKED = (*IndexArrays.names(), "key_starts", "band_starts")
"""Arrays of an index whose blocks have checksums, in their order."""
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
        self._dtype, self._tail = np.dtype(kind).newbyteorder("<"), tail
        self._file = path.open("xb")
        self._crc = 0
        self._write_header()

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
        self._file.write(header_of(self._dtype, (self.length, *self._tail)))

    def _finish(self) -> None:
        self._file.seek(0)
        self._write_header()
        self._file.flush()
        os.fsync(self._file.fileno())


def header_of(dtype: np.dtype[Any], shape: Sequence[int]) -> bytes:
    """The first 128 bytes of a file with such an array."""
    text = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': {tuple(shape)!r}, }}"
    magic = b"\x93NUMPY\x01\x00" + (_HEADER - 10).to_bytes(2, "little")
    return magic + text.encode("ascii").ljust(_HEADER - 11) + b"\n"


def write_merged(folder: Path, sources: Sequence[MergeSource]) -> dict[str, dict[str, Any]]:
    """Write the merge of all sources, and the directories of its posting lists, one file each; in bounded memory.

    Returns:
        By array name, what a manifest says of it.

    Raises:
        OSError: It cannot be written.
        IndexBuildError: There are more than 2**31 values.
    """
    found = {}
    with ArrayWriter(folder / "text.npy", np.uint8) as text, ArrayWriter(folder / "ends.npy", np.int64) as ends:
        for piece, piece_ends in merge_texts(sources):
            text.append(piece)
            ends.append(piece_ends)
    found["text"], found["ends"] = text.described(), ends.described()
    found["sketches"] = _write(folder / "sketches.npy", np.uint64, (2,), merge_rows(sources, "sketches"))
    found["keys"] = _write(folder / "keys.npy", np.uint64, (), merge_entries(sources, "keys"))
    found["bands"], found["band_starts"] = _write_bands(folder, sources)
    n_keys = found["keys"]["shape"][0]
    starts = directory_of(_read(folder / "keys.npy", 0, n_keys), n_keys)
    found["key_starts"] = _write(folder / "key_starts.npy", starts.dtype.type, (), [starts])
    sums = (_block_sums(folder / f"{name}.npy", found[name]["crc"]) for name in CHECKED)
    found["checks"] = _write(folder / "checks.npy", np.uint32, (), sums)
    return found


def _block_sums(path: Path, crc: int) -> NDArray[np.uint32]:
    """The checksum of each block of an array on disk, uint32 (n_blocks,).

    Raises:
        OSError: What was read back is not what was written.
    """
    sums: list[int] = []
    found = 0
    for piece in _read(path, 0, len(mapped(path))):
        data = piece.reshape(-1).view(np.uint8).data
        sums += block_sums(data)
        found = zlib.crc32(data, found)
    if found != crc:
        raise OSError(f"the disk gave back other bytes of {path.name} than were written")
    return np.array(sums, dtype=np.uint32)


def write_run(folder: Path, part: IndexArrays, rows: NDArray[np.uint32]) -> dict[str, int]:
    """Write a part and its new rows into a new folder.

    Returns:
        By file name, the checksum of its elements.
    """
    folder.mkdir()
    arrays = {**{name: part.array(name) for name in IndexArrays.names()}, "rows": rows}
    found = {}
    for name, array in arrays.items():
        with ArrayWriter(folder / f"{name}.npy", array.dtype.type, array.shape[1:]) as writer:
            writer.append(array)
        found[name] = int(writer.described()["crc"])
    return found


def load(folder: Path) -> MergeSource:
    """A run on disk; each array is mapped when it is read and given back when it is let go."""
    return MergeSource(lambda name: mapped(folder / f"{name}.npy"), np.array(mapped(folder / "rows.npy")))


def mapped(path: Path) -> NDArray[Any]:
    """One array, memory-mapped.

    Raises:
        OSError, ValueError: The file is absent, or is none that `ArrayWriter` makes; nothing in it is ever run.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEADER)
    try:
        declared = parse_npy_header(head)
    except ValueError as error:
        raise ValueError(_foreign(path)) from error
    dtype, shape = declared.dtype, declared.shape
    if dtype.kind not in "iu" or len(shape) not in (1, 2) or head != header_of(dtype, shape):
        raise ValueError(_foreign(path))  # `ArrayWriter` writes each header in one way
    if size != declared.size:
        raise ValueError(f"{path.name} has another size than its header says")
    if size <= _SMALL:  # an empty file cannot be mapped
        return np.fromfile(path, dtype, offset=_HEADER).reshape(shape)
    return np.asarray(np.memmap(path, dtype, "r", _HEADER, shape))


def _foreign(path: Path) -> str:
    return f"{path.name} is no plain array of ours, and neither pickles nor other headers are read"


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


def _write_bands(folder: Path, sources: Sequence[MergeSource]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Each band is one row of its array: rows are written one behind the other, as one flat array."""
    width = 0
    path = folder / "bands.npy"
    with ArrayWriter(path, np.uint64) as bands:
        for band in range(BANDS):
            for piece in merge_entries(sources, "bands", band):
                bands.append(piece)
            width = bands.length // (band + 1)
    described = bands.described()
    starts = (directory_of(_read(path, band * width, (band + 1) * width), width) for band in range(BANDS))
    return described, _write(folder / "band_starts.npy", np.uint32, (), starts)  # a band holds a row once
