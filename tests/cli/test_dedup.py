"""`ctxprune dedup`: what stays on stdout, the account on stderr."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ctxprune.cli import main

LONG = "The old bridge over the river was opened in 1933 and carries trains, cars and people to the other side."
TEXT = f"{LONG}\n\n{LONG.upper()}\n\nPears are\ngreen.\n \n{LONG} Today.\n\n\nPears are\ngreen.\n"


def run(capsysbinary: pytest.CaptureFixture[bytes], *words: str) -> tuple[str, str]:
    assert main(["dedup", *words]) == 0
    shown = capsysbinary.readouterr()
    return shown.out.decode(), shown.err.decode()


def test_paragraphs_of_text(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "a.txt"
    path.write_text(TEXT, encoding="utf-8")
    out, err = run(capsysbinary, str(path))
    assert out == f"{LONG}\n\nPears are\ngreen.\n"
    assert err == "ctxprune: kept 2 of 5 paragraphs; dropped: 1 exact, 1 folded, 1 near\n"
    assert run(capsysbinary, str(path), "--containment", "1")[0] == f"Pears are\ngreen.\n\n{LONG} Today.\n"
    assert run(capsysbinary, str(path), "--similarity", "1")[0].count("bridge") == 2
    report = json.loads(run(capsysbinary, str(path), "--json")[0])
    assert report["files"] == [str(path)]
    assert report["merges"][0] == {"index": 1, "into": 0, "kind": "folded", "similarity": 1.0}


def test_lines_and_files(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch) -> None:
    paths = [tmp_path / f"{name}.txt" for name in "abc"]
    for path, text in zip(paths, ("one\r\ntwo\r\n", "ONE\n\ntwo\n", "three"), strict=True):
        path.write_bytes(text.encode())
    words = [str(path) for path in paths]
    assert run(capsysbinary, *words, "--by", "line") == (
        "one\ntwo\nthree\n", "ctxprune: kept 3 of 5 lines; dropped: 1 exact, 1 folded\n",
    )  # fmt: skip
    assert run(capsysbinary, *words, "--by", "file")[0] == "one\r\ntwo\r\n\n\nthree\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x\ny\nx\n"), encoding="utf-8"))
    assert run(capsysbinary, "--by", "line") == ("x\ny\n", "ctxprune: kept 2 of 3 lines; dropped: 1 exact\n")


def test_json_lines_stay_as_they_are(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    path = tmp_path / "a.jsonl"
    lines = ['{"id": 1.10, "body": "a b"}', '{"id": 2, "body": "A  b!"}', "", '{"body": "c"}']
    path.write_text("\n".join(lines), encoding="utf-8")
    assert run(capsysbinary, str(path), "--field", "body") == (
        f"{lines[0]}\n{lines[3]}\n", "ctxprune: kept 2 of 3 lines; dropped: 1 folded\n",
    )  # fmt: skip


def test_wrong_words_are_told_and_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_text("x", encoding="utf-8")
    assert main(["dedup", str(path), "--similarity", "2"]) == 2
    assert main(["dedup", str(path), "--shingle", "0"]) == 2
    assert main(["dedup", str(path), "--by", "page"]) == 2
    assert main(["dedup", str(tmp_path / "absent.txt")]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "similarity is 2" in shown.err
    assert "absent.txt" in shown.err


CITIES = "City,People\r\nLyon,522\r\nPorto,231\r\nlyon , 522\r\n"


def test_rows_of_a_table_and_tables(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    one, other = tmp_path / "a.csv", tmp_path / "b.csv"
    one.write_bytes(CITIES.encode())
    other.write_bytes(b"People,City\n231,Porto\n")
    assert run(capsysbinary, str(one)) == (
        "City,People\r\nLyon,522\r\nPorto,231\r\n", "ctxprune: kept 2 of 3 rows; dropped: 1 folded\n",
    )  # fmt: skip
    assert run(capsysbinary, str(other), str(one), "--by", "file") == (
        CITIES, "ctxprune: kept 1 of 2 tables; dropped: 1 contained\n",
    )  # fmt: skip
    assert main(["dedup", str(one), str(other)]) == 2
    assert b"--by file" in capsysbinary.readouterr().err


def test_pages(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    pages = [f"<p>{LONG}</p>", f"<div><b>{LONG}</b><script>no()</script></div>", "<p>Pears</p>"]
    for name, page in zip("abc", pages, strict=True):
        (tmp_path / f"{name}.html").write_text(page, encoding="utf-8")
    assert run(capsysbinary, str(tmp_path)) == (
        f"{pages[0]}\n\n{pages[2]}\n", "ctxprune: kept 2 of 3 pages; dropped: 1 exact\n",
    )  # fmt: skip


def test_json_lines_from_stdin_and_what_does_not_go_together(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = '{"text": "a b", "n": 1.10}\n{"text": "A b"}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode()), encoding="utf-8"))
    assert run(capsysbinary, "--format", "jsonl")[0] == '{"text": "a b", "n": 1.10}\n'
    path, text = tmp_path / "a.jsonl", tmp_path / "b.txt"
    path.write_text(lines, encoding="utf-8")
    text.write_text("a b", encoding="utf-8")
    (tmp_path / "c.json").write_text("[1, 2]", encoding="utf-8")
    for words in ([str(path), str(text)], [str(tmp_path / "c.json")], [str(text), "--by", "row"]):
        assert main(["dedup", *words]) == 2
        assert capsysbinary.readouterr().out == b""
