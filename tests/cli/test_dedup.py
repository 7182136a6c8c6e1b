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
