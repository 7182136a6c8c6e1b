"""Files of arrays (.npz) that are read whole: every member is compared with its checksum, and no header is evaluated.

numpy reads the header of an array with a parser of Python, before the checksum of the member is compared: a damaged
file may raise anything there, or ask for more memory than there is.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune._compressed import most_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_npz"]

_HEADER = re.compile(
    rb"\{'descr': '([<|][biuf](?:1|2|4|8))', 'fortran_order': (False|True), 'shape': \(([\d, ]{0,200})\), \} *\n"
)
_DAMAGED = (
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)


def read_npz(content: bytes) -> dict[str, NDArray[Any]]:
    """All arrays by name, as `numpy.savez` and `savez_compressed` wrote them.

    Raises:
        ValueError: It is no such file, a member differs from its checksum or holds anything but plain numbers, or all
            of them unpack to far more than a file of this size can mean to hold.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(member.file_size for member in archive.infolist()) > most_bytes(len(content)):
                raise ValueError("its members unpack to far more than its size allows")
            members = {member.filename: archive.read(member) for member in archive.infolist()}
    except _DAMAGED as error:
        raise ValueError(f"it is no whole .npz file ({error})") from error
    return {name.removesuffix(".npy"): _array(name, data) for name, data in members.items()}


def _array(name: str, data: bytes) -> NDArray[Any]:
    length = int.from_bytes(data[8:10], "little")
    said = _HEADER.fullmatch(data[10 : 10 + length])
    if data[:8] != b"\x93NUMPY\x01\x00" or said is None:
        raise ValueError(f"{name} holds no plain numbers")
    shape = tuple(int(part) for part in said[3].decode().split(",") if part.strip())
    dtype = np.dtype(said[1].decode())
    if math.prod(shape) * dtype.itemsize != len(data) - 10 - length:
        raise ValueError(f"{name} has another size than its header says")
    order: Any = "F" if said[2] == b"True" else "C"
    return np.frombuffer(data, dtype, offset=10 + length).reshape(shape, order=order)
