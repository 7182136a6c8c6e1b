"""`ctxprune corpus prune`: the passages in a file, the account on stderr or as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.rag import PassageQuality

GOOD = "In 1889 Gustave Eiffel built the tower, which is 330 metres tall, for the World Fair in Paris."


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.jsonl"
    texts = [GOOD, "Home | About", "", "The Thames flows through London and is 346 km long, from Kemble to the sea."]
    lines = (json.dumps({"name": f"n{number % 3}", "body": text}) for number, text in enumerate(texts))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def run(*words: object) -> int:
    return main(["corpus", "prune", *map(str, words)])


def test_a_file_is_pruned(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target, gone = tmp_path / "b.jsonl", tmp_path / "gone.jsonl"
    fields = ("--field", "body", "--id-field", "name")
    assert run(source, "--share", 0.5, "--out", target, "--dropped", gone, *fields) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("ctxprune: kept 2 of 4 passages; 1 with an id that came before; dropped: 1 for ")
    assert [json.loads(line)["name"] for line in target.read_text().splitlines()] == ["n0", "n0"]
    assert [json.loads(line)["id"] for line in gone.read_text().splitlines()] == ["n1", "n2"]
    assert run(source, "--share", 0.5, "--out", target, "--json", *fields) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["passages"], report["kept"], report["dropped"], report["repeated_ids"]) == (4, 2, 2, 1)


def test_weights_from_a_file(source: Path, tmp_path: Path) -> None:
    PassageQuality().save(tmp_path / "own.json")
    words = (source, "--out", tmp_path / "b.jsonl", "--field", "body")
    assert run(*words, "--quality", tmp_path / "own.json") == 0
    assert run(*words, "--quality", tmp_path / "none.json") == 1
    assert run(*words, "--quality", "nothing") == 2


def test_broken_lines(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with source.open("a") as file:
        file.write("{\n")
    words = (source, "--out", tmp_path / "b.jsonl", "--field", "body")
    assert run(*words) == 1
    assert "line 5" in capsys.readouterr().err
    assert run(*words, "--broken", "skip") == 0
    assert "1 broken" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["{dir}/none.jsonl", "--out", "{dir}/b.jsonl"], 1),
        (["{dir}/a.jsonl", "--out", "{dir}/a.jsonl"], 1),
        (["{dir}/a.jsonl", "--out", "{dir}/b.txt"], 2),
        (["{dir}/a.jsonl", "--out", "{dir}/b.jsonl", "--share", "1"], 2),
        (["{dir}/a.jsonl"], 2),
        (["{dir}/a.jsonl", "--out", "{dir}/b.jsonl", "--broken", "maybe"], 2),
    ],
)
def test_exit_codes(words: list[str], code: int, source: Path, tmp_path: Path) -> None:
    before = source.read_bytes()
    assert run(*(word.format(dir=tmp_path) for word in words)) == code
    assert source.read_bytes() == before


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    assert "--dropped dropped.jsonl" in " ".join(capsys.readouterr().out.split())
