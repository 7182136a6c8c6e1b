"""Files of arrays, read without numpy's parser."""

from __future__ import annotations

import io
import random
import zipfile
from typing import Any

import numpy as np
import pytest

from ctxprune.storage.npz import parse_npy_header, read_npz

ARRAYS = {
    "a": np.arange(12, dtype=np.int8).reshape(3, 4),
    "b": np.arange(5, dtype=np.float16),
    "c": np.zeros((0, 3), dtype=np.uint64),
    "d": np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
    "e": np.array(7),
    "f": np.array([True, False]),
}


def packed(compressed: bool = True, **arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize("compressed", [True, False])
def test_equals_numpy(compressed: bool) -> None:
    found = read_npz(packed(compressed, **ARRAYS))
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(found[name], array)


@pytest.mark.parametrize("compressed", [True, False])
def test_flipped_bits(compressed: bool) -> None:
    whole, bits = packed(compressed, **ARRAYS), random.Random(0)
    for _ in range(1500):
        data = bytearray(whole)
        place = bits.randrange(8 * len(data))
        data[place >> 3] ^= 1 << (place & 7)
        try:
            found = read_npz(bytes(data))
        except ValueError:
            continue
        assert all(np.array_equal(found[name], ARRAYS[name]) for name in set(found) & set(ARRAYS))


@pytest.mark.parametrize(
    "header",
    [
        "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (999999999999,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': " + "(" * 60,
        "{'descr': '<f1', 'fortran_order': False, 'shape': (8,), }",
        "{'descr': '<b8', 'fortran_order': False, 'shape': (1,), }",
        "__import__('os')",
        "(" * 100,
    ],
)
def test_strange_headers_are_not_evaluated(header: str) -> None:
    buffer = io.BytesIO()
    data = header.encode().ljust(117) + b"\n"
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(data).to_bytes(2, "little") + data + bytes(8))
    with pytest.raises(ValueError, match=r"a\.npy"):
        read_npz(buffer.getvalue())


@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_headers_are_those_of_numpy(shape: tuple[int, ...], order: Any) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array := np.zeros(shape, "<f4", order=order))
    header = parse_npy_header(buffer.getvalue())
    assert (header.dtype, header.shape, header.size) == (array.dtype, shape, len(buffer.getvalue()))
    assert header.fortran == (order == "F" and array.ndim > 1 and not array.flags.c_contiguous)
    for end in range(header.offset):
        with pytest.raises(ValueError, match="no plain numbers"):
            parse_npy_header(buffer.getvalue()[:end])


@pytest.mark.parametrize("content", [b"", b"PK", b"\x93NUMPY", b"x" * 100])
def test_other_files(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no whole \.npz file"):
        read_npz(content)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_damage_in_members_that_are_compressed_in_other_ways(method: int) -> None:
    buffer, array = io.BytesIO(), io.BytesIO()
    np.save(array, np.arange(100))
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("a.npy", array.getvalue())
    whole, refused = buffer.getvalue(), 0
    assert read_npz(whole)["a"].sum() == 4950
    for place in range(len(whole)):
        data = bytearray(whole)
        data[place] ^= 0x10
        try:
            read_npz(bytes(data))
        except ValueError:
            refused += 1
    assert refused > len(whole) / 2


def test_a_file_that_unpacks_to_more_than_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from ctxprune.storage import compressed as _compressed

    monkeypatch.setattr(_compressed, "_ALWAYS", 1000)
    monkeypatch.setattr(_compressed, "MOST_TIMES", 1)
    with pytest.raises(ValueError, match="expand to more than"):
        read_npz(packed(a=np.zeros(10_000)))
