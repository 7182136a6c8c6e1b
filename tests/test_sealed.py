"""Checksums of JSON texts, of logs and of other files."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest

from ctxprune.errors import FormatError, InputError
from ctxprune.storage import sealed as _sealed
from ctxprune.storage.sealed import (
    check_file,
    parse_json,
    seal,
    seal_bytes,
    seal_file,
    seal_text,
    sealed_line,
    unseal,
    unseal_bytes,
    unseal_lines,
)

DOCUMENTS = [{"a": 1}, {"a": {"b": [1.5, None, "ü\ud800"]}, "c": "}"}, {"text": '"crc32": "00000000"}'}]


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("indent", [None, 1, 2])
def test_a_document_comes_back(document: dict, indent: int | None) -> None:
    text = seal(document, indent=indent)
    assert unseal(text.encode()) == document
    assert unseal(f"{text}\n".encode()) == document
    assert {key: value for key, value in json.loads(text).items() if key != "crc32"} == document
    assert ("\n" in text) == (indent is not None)


def test_every_flipped_bit_is_found_or_harmless() -> None:
    whole = seal({"limit": 0.25, "name": "a"}).encode()
    for place in range(8 * len(whole)):
        data = bytearray(whole)
        data[place >> 3] ^= 1 << (place & 7)
        try:
            assert unseal(bytes(data)) == {"limit": 0.25, "name": "a"}
        except ValueError:
            continue


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b'{"a": 1}', b'{"crc32": "00000000"}', b"\xff", b"[" * 200_000])
def test_other_texts_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        unseal(text)
    assert type(caught.value) in (ValueError, json.JSONDecodeError, UnicodeDecodeError)


def test_a_text_of_an_earlier_release_is_read_where_it_may_be() -> None:
    assert unseal(b'{"a": 1}', required=False) == {"a": 1}
    with pytest.raises(ValueError, match="no checksum"):
        unseal(b'{"crc32": 7, "a": 1}', required=False)


@pytest.mark.parametrize("document", [{}, {"crc32": 1}])
def test_what_cannot_be_sealed(document: dict) -> None:
    with pytest.raises(ValueError, match="sealed"):
        seal(document)
    with pytest.raises(ValueError, match="sealed"):
        seal_text("[1]")


@pytest.mark.parametrize("content", [b"", b"[1]", bytes(100)])
def test_an_entry_holds_under_its_key_only(content: bytes) -> None:
    entry = seal_bytes("key:1", content)
    assert entry == zlib.crc32(b"key:1" + content).to_bytes(4, "little") + content  # as every release wrote it
    assert unseal_bytes("key:1", entry) == content
    for place in range(8 * len(entry)):
        data = bytearray(entry)
        data[place >> 3] ^= 1 << (place & 7)
        with pytest.raises(ValueError, match="differs"):
            unseal_bytes("key:1", bytes(data))
    for key, other in (("key:2", entry), ("key:1", b""), ("key:1", entry[:3])):
        with pytest.raises(ValueError, match="differs"):
            unseal_bytes(key, other)


@pytest.mark.parametrize("text", ["[" * 200_000, '{"a":' * 200_000, b"[" * 200_000])
def test_nesting_is_no_error_of_python(text: str | bytes) -> None:
    with pytest.raises(ValueError, match="nested too deep"):
        parse_json(text)


def lines_of(path: Path, *documents: dict, end: bytes = b"") -> Path:
    path.write_bytes(b"".join(map(sealed_line, documents)) + end)
    return path


def test_a_log_loses_its_last_line_alone(tmp_path: Path) -> None:
    path = lines_of(tmp_path / "log", {"a": 1}, {"a": 2})
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        documents, size = unseal_lines(path, "the log")
        assert documents == [{"a": 1}, {"a": 2}][: whole[:cut].count(b"\n")]
        assert size == whole[:cut].rfind(b"\n") + 1


def test_an_end_that_was_flipped_is_no_cut(tmp_path: Path) -> None:
    path = lines_of(tmp_path / "log", {"a": 1}, {"a": 2})
    whole = path.read_bytes()
    for bit in range(8):
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1 << bit]))
        with pytest.raises(FormatError, match="line 2 of the log is damaged") as caught:
            unseal_lines(path, "the log")
        assert caught.value.hint


def test_damaged_deep_and_huge_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for end in (b'{"a": 1}\n', b"[" * 200_000 + b"\n", b"\n", b"\xff\n", sealed_line({"a": 1}).replace(b"1", b"2")):
        with pytest.raises(FormatError, match="line 2 of the log") as caught:
            unseal_lines(lines_of(tmp_path / "log", {"a": 1}, end=end), "the log")
        assert caught.value.hint
    monkeypatch.setattr(_sealed, "LONGEST_LINE", 1000)
    for end in (b"x" * 5000, b"x" * 5000 + b"\n"):
        with pytest.raises(FormatError, match="longer than 1000 bytes") as caught:
            unseal_lines(lines_of(tmp_path / "log", {"a": 1}, end=end), "the log")
        assert caught.value.hint


def test_a_log_of_an_earlier_release_is_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n' + sealed_line({"a": 3}))
    assert unseal_lines(path, "the log")[0] == [{"a": 1}, {"a": 2}, {"a": 3}]
    path.write_bytes(path.read_bytes() + b'{"a": 4}\n')
    with pytest.raises(FormatError, match="line 4"):
        unseal_lines(path, "the log")


def test_a_file_with_its_checksum_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"some weights")
    check_file(path)  # of an earlier release
    seal_file(path)
    check_file(path)
    whole = path.read_bytes()
    assert whole.startswith(b"some weights")
    path.write_bytes(whole.replace(b"some", b"sons"))
    with pytest.raises(ValueError, match="differs"):
        check_file(path)


def test_deep_lines_of_json(tmp_path: Path) -> None:
    from ctxprune.storage.json_lines import read_rows

    (tmp_path / "rows.jsonl").write_text('{"a": 1}\n' + "[" * 200_000)
    with pytest.raises(InputError, match="line 2"):
        list(read_rows(tmp_path / "rows.jsonl"))
