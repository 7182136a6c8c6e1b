"""JSON on any stdout, and files that are written."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.cli._console import print_json, print_note, print_tree, write_file
from ctxprune.errors import InputError

DOCUMENT = {"text": "São \u20ac \udc80 😀", "blob": b"\x00\xff", "number": float("nan"), "row": (1, None, 2.5)}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_a_document_is_valid_json_in_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    print_json(DOCUMENT)
    sys.stdout.flush()
    read = json.loads(raw.getvalue().decode(encoding))
    assert read == {"text": DOCUMENT["text"], "blob": "00ff", "number": "nan", "row": [1, None, 2.5]}


def test_letters_stay_letters_where_they_can(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"city": "São Paulo"})
    assert capsys.readouterr().out == '{"city": "São Paulo"}\n'


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8", "├─ Łódź…\n"), ("ascii", "|- \\u0141\\xf3d\\u017a~\n")])
def test_a_tree_is_drawn_in_every_encoding(encoding: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(raw, encoding=encoding, errors="backslashreplace"))
    print_tree("├─ Łódź…")
    sys.stderr.flush()
    assert raw.getvalue().decode(encoding) == shown


def _database(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (a)")
    return path.read_bytes()


def test_what_is_read_is_never_written(tmp_path: Path) -> None:
    asked, other, link, hard = (tmp_path / name for name in ("asked.sqlite", "other.txt", "link", "hard"))
    content = _database(asked)
    other.write_text("kept", encoding="utf-8")
    link.symlink_to(other)
    hard.hardlink_to(other)
    for target, inputs in ((asked, ()), (other, (other,)), (link, (other,)), (hard, (str(other),))):
        with pytest.raises(InputError, match="not written"):
            write_file(target, "new", *inputs)
    for suffix in ("-wal", "-shm", "-journal"):
        with pytest.raises(InputError, match="not written"):
            write_file(tmp_path / f"asked.sqlite{suffix}", "new", asked)
    assert asked.read_bytes() == content
    assert other.read_text(encoding="utf-8") == "kept"


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "page.html"
    write_file(target, "São \udc80")
    assert target.read_bytes() == "São \\udc80".encode()
    target.chmod(0o640)
    write_file(target, "two")
    assert target.stat().st_mode & 0o777 == 0o640
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(InputError, match=r"cannot be written \(No space left\)"):
        write_file(target, "three")
    assert target.read_text(encoding="utf-8") == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_a_device_stays_a_device() -> None:
    write_file(Path(os.devnull), "gone")
    assert not Path(os.devnull).is_file()


@pytest.mark.parametrize("target", ["no/such/folder/x", "."])
def test_what_cannot_be_written_is_our_error(tmp_path: Path, target: str) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_file(tmp_path / target, "x")


class Terminal(io.StringIO):
    """What stderr is in a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_note_fits_the_terminal_and_is_one_line_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/a-long-path/" + 90 * "x"
    text = (
        f"5 recipes compete, with 200 steps of training; this takes about 12 minutes on this machine, in {path} it is"
    )
    for columns, width in (("60", 60), ("", 80)):
        monkeypatch.setenv("COLUMNS", columns)
        shown = Terminal()
        monkeypatch.setattr(sys, "stderr", shown)
        print_note(text)
        lines = shown.getvalue().splitlines()
        assert " ".join(line.strip() for line in lines) == f"ctxprune: {text}"
        assert [line.strip() for line in lines if len(line) > width] == [path]  # which can be copied as a whole
        assert len(lines) > 2
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    print_note(text)
    assert pipe.getvalue() == f"ctxprune: {text}\n"
