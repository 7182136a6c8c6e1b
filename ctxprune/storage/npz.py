"""Files of arrays (.npz) that are read whole: every member is compared with its checksum, and no header is evaluated.

numpy reads the header of an array with a parser of Python, before the checksum of the member is compared: a damaged
file may raise anything there, or ask for more memory than there is.
"""

from __future__ import annotations

import io
import lzma
import math
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ctxprune.storage.compressed import MOST_TIMES, most_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NpyHeader", "parse_npy_header", "read_npz"]

_MAGIC = b"\x93NUMPY\x01\x00"  # of format 1.0; two bytes behind it hold the length of the header

# numpy evaluates headers as Python literals; a pattern accepts plain numbers and nothing else
# Only types that numpy has: no float of one byte, and no bool of more.
_HEADER = re.compile(
    rb"\{'descr': '([<|](?:b1|[iu][1248]|f[248]))', 'fortran_order': (False|True), 'shape': \(([\d, ]{0,200})\), \} *\n"
)
_DAMAGED = (
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    struct.error,
    lzma.LZMAError,  # savez compresses with deflate alone, but the file says how each member is compressed
    zipfile.BadZipFile,
    zlib.error,
)


class NpyHeader(NamedTuple):
    """What the header of an array says.

    Attributes:
        dtype: Of the elements: plain numbers or bools, little-endian.
        shape: Elements along each axis.
        fortran: Whether the first axis runs fastest.
        offset: Bytes in front of the first element.
    """

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    offset: int

    @property
    def size(self) -> int:
        """Bytes of header and elements."""
        return self.offset + self.dtype.itemsize * math.prod(self.shape)


def parse_npy_header(data: bytes) -> NpyHeader:
    """The header at the beginning of a .npy file of format 1.0; the one place that reads such headers, by a pattern.

    Raises:
        ValueError: It is none, or not of plain numbers.
    """
    end = 10 + int.from_bytes(data[8:10], "little")
    declared = _HEADER.fullmatch(data, 10, end)
    if not data.startswith(_MAGIC) or declared is None:
        raise ValueError("it holds no plain numbers")
    shape = tuple(int(part) for part in declared[3].decode().split(",") if part.strip())
    return NpyHeader(np.dtype(declared[1].decode()), shape, declared[2] == b"True", end)


def read_npz(content: bytes) -> dict[str, NDArray[Any]]:
    """All arrays by name, as `numpy.savez` and `savez_compressed` wrote them.

    Raises:
        ValueError: It is no such file, a member differs from its checksum or holds anything but plain numbers, or all
            of them expand to more than 200 times its compressed size (16 MB may always be).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # before anything is expanded: the declared sizes are checked against the real ones by zipfile
            if sum(member.file_size for member in archive.infolist()) > most_bytes(len(content)):
                raise ValueError(f"its members expand to more than {MOST_TIMES} times its compressed size")
            members = {member.filename: archive.read(member) for member in archive.infolist()}
    except _DAMAGED as error:
        raise ValueError(f"it is no whole .npz file ({error})") from error
    return {name.removesuffix(".npy"): _array(name, data) for name, data in members.items()}


def _array(name: str, data: bytes) -> NDArray[Any]:
    try:
        header = parse_npy_header(data)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if header.size != len(data):
        raise ValueError(f"{name} has another size than its header says")
    order: Any = "F" if header.fortran else "C"
    return np.frombuffer(data, header.dtype, offset=header.offset).reshape(header.shape, order=order)
