"""Small files that stand for very large ones are refused before they fill the memory."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from ctxprune.errors import FormatError, InputError
from ctxprune.models.vectors import WordVectors
from ctxprune.sql.database.result_set import ResultSet
from ctxprune.sql.evaluation.executions import _packed, _unpacked
from ctxprune.sql.generate.sketch.model import Model
from ctxprune.storage import compressed as _compressed
from ctxprune.storage.compressed import inflate, open_bytes
from ctxprune.storage.json_lines import read_rows
from ctxprune.storage.npz import read_npz

MEGABYTE = 1_000_000


def bomb(path: Path, start: bytes, filling: bytes, end: bytes) -> Path:
    """60 MB of one byte between a start and an end, in 60 KB."""
    with gzip.open(path, "wb", compresslevel=9) as file:
        file.write(start)
        for _ in range(60):
            file.write(filling * MEGABYTE)
        file.write(end)
    return path


@contextmanager
def allocating(most: int) -> Iterator[None]:
    """Fails if the block holds more bytes at once than that; what the process held before counts nowhere."""
    tracemalloc.start()
    try:
        yield
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < most


def test_allocations_are_noticed() -> None:
    held = bytes(50 * MEGABYTE)
    with allocating(10 * MEGABYTE):
        del held
    with pytest.raises(AssertionError), allocating(10 * MEGABYTE):
        gzip.decompress(gzip.compress(bytes(20 * MEGABYTE)))


@pytest.mark.parametrize(
    "parts", [(b'{"a": "', b"a", b'"}\n'), (b"", b"\n", b"[]\n"), (b"[", b"[", b"")], ids=["line", "blank", "deep"]
)
def test_json_lines_are_read_no_further_than_their_file_can_mean(
    tmp_path: Path, parts: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_compressed, "_ALWAYS", MEGABYTE)
    monkeypatch.setattr(_compressed, "MOST_TIMES", 20)  # or the blank lines take seconds
    path = bomb(tmp_path / "lines.jsonl.gz", *parts)
    with pytest.raises(InputError, match="more than 20 times its compressed size") as raised, allocating(10 * MEGABYTE):
        list(read_rows(path))
    assert raised.value.where == "lines.jsonl.gz"
    assert raised.value.hint


def test_a_line_has_a_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compressed, "_LINE", 1000)
    path = tmp_path / "lines.jsonl"
    path.write_text('["short"]\n"' + "a" * 998 + '"\n')
    with pytest.raises(InputError, match="longer than 1000 characters"):
        list(read_rows(path))
    path.write_text('["short"]\n"' + "a" * 997 + '"\n')
    assert len(list(read_rows(path))) == 2


def test_nesting_without_an_end_is_told_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text("[]\n" + "[" * 200_000)
    with pytest.raises(InputError, match="line 2 is not JSON"):
        list(read_rows(path))


def test_what_is_honest_is_read_whole(tmp_path: Path) -> None:
    rows = [{"id": number, "text": f"row {number} of a file, with words"} for number in range(20_000)]
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress("".join(f"{row}\r\n".replace("'", '"') for row in rows).encode()))
    assert list(read_rows(path)) == rows
    with open_bytes(path) as file:
        assert file.read() == gzip.decompress(path.read_bytes())


def test_cached_results_and_arrays() -> None:
    packed = zlib.compress(b'[["a"], [[1]], false]')
    result = ResultSet(("a",), ((1,),), False, 0.0)
    assert _unpacked("key", _packed("key", result)) == result
    assert inflate(packed) == b'[["a"], [[1]], false]'
    with pytest.raises(ValueError, match="more than 200 times"):
        inflate(zlib.compress(bytes(100 * MEGABYTE), 9))
    with pytest.raises(ValueError, match="without an end"):
        inflate(packed[:-3])


def test_an_archive_that_says_too_much_is_not_unpacked(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("meta.npy", bytes(100 * MEGABYTE))
    with pytest.raises(ValueError, match="more than 200 times"):
        read_npz(archive.getvalue())
    path = tmp_path / "vectors.npz"
    path.write_bytes(archive.getvalue())
    with pytest.raises(FormatError, match="damaged"):
        WordVectors.read(path)
    with pytest.raises(FormatError, match="damaged"):
        Model.load(archive.getvalue())
    good = io.BytesIO()
    np.savez_compressed(good, a=np.arange(100_000))
    assert read_npz(good.getvalue())["a"].sum() == 4_999_950_000
