"""What all bench commands have in common: a table for people, one line on stderr for what is wrong, and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.cli import main

SQL_ITEMS = [
    {"db_id": "shop", "question": "How many cities are there?", "query": "SELECT count(*) FROM city"},
    {"db_id": "shop", "question": "How many people live in springfield?",
     "query": "SELECT population FROM city WHERE name = 'Springfield'"},
    {"db_id": "absent", "question": "How many cities are there?", "query": "SELECT count(*) FROM city"},
    {"db_id": "absent", "question": "What?", "query": "SELECT nothing FROM nowhere"},
]  # fmt: skip
PASSAGES = [
    {"question": "Where is the tower?", "title": "Tower", "answers": ["Paris"], "labels": [0, 1, 0],
     "sentences": ["Pigs eat roots.", "The tower is in Paris.", "Cows eat grass."]},
]  # fmt: skip
TABLES = [
    {"id": 1, "question": "How many points had Bo?", "title": "Races", "section": "All", "gold_cells": [[2, 1]],
     "table": [["Year", "Driver", "Points"], ["1999", "Ana", "14"], ["2001", "Bo", "52"]]},
]  # fmt: skip
PAGES = [{"id": "p", "title": "Lakes", "html": "<h1>Lakes</h1><table><tr><th>Lake<tr><td>103</table>", "gold_table": 0}]
QUESTIONS = [{"id": "q", "page_id": "p", "question": "how deep is lake d?", "answers": ["103"]}]
SQL_COMMANDS = ("linking", "spider", "values")


def write_lines(path: Path, rows: list[dict]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def data_for(tmp_path: Path, spider_folder: Callable[..., Path], bakery: SimpleNamespace) -> Callable[[str], Path]:
    """A function that writes a small set for a command and gives its folder."""

    def make(command: str) -> Path:
        if command in SQL_COMMANDS:
            return spider_folder(SQL_ITEMS, tables=True)
        if command == "bird":
            return bakery.make_bird(tmp_path / "bird")
        if command == "html":
            write_lines(tmp_path / "pages.jsonl", PAGES)
            write_lines(tmp_path / "questions.jsonl", QUESTIONS)
        else:
            write_lines(tmp_path / "dev.jsonl", PASSAGES if command == "passages" else TABLES)
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("command", "words", "code", "text"),
    [
        ("bird", ["--predictions", "nowhere"], 1, "cannot be read"),
        ("bird", ["--self-check", "--mode", "fast"], 2, "--mode"),
        ("bird", ["--self-check", "--workers", "0"], 2, "--workers"),
        ("bird", ["--self-check", "--gold", "nowhere"], 1, "references cannot be read"),
        ("bird", ["--self-check", "--seconds", "0"], 1, "seconds"),
        ("bird", ["--self-check", "--script", "newest"], 2, "--script"),
        ("bird", ["--self-check", "--split", "future"], 1, "split"),
        ("html", ["--output", "pdf"], 2, "--output"),
        ("html", ["--data", "nowhere"], 1, "CP005"),
        ("linking", ["--data", "nowhere"], 1, "no such folder"),
        ("linking", ["--linker", "rankd"], 2, "did you mean 'ranked.v1'"),
        ("linking", ["--linker", "chat"], 1, "needs more than its name"),
        ("linking", ["--linker", "embedding"], 1, "embedding:FOLDER"),
        ("linking", ["--linker", "ranked:model"], 1, "takes no model"),
        ("linking", ["--linker", "embedding:nowhere.onnx"], 1, "CP00"),  # CP004 without onnxruntime, CP005 with it
        ("linking", ["--limit", "0"], 2, "--limit"),
        ("passages", ["--split", "half"], 2, "--split"),
        ("passages", ["--scorer", "nothing"], 2, "--scorer"),
        ("passages", ["--data", "nowhere"], 1, "no such file"),
        ("spider", ["--data", "nowhere"], 1, "no such folder"),
        ("spider", ["--generator", "oracle"], 2, "oracle"),
        ("spider", ["--generator", "chat:nowhere.gguf"], 1, "nowhere.gguf"),
        ("spider", ["--limit", "0"], 2, "--limit"),
        ("tables", ["--data", "nowhere"], 1, "CP005"),
        ("tables", ["--scorer", "nothing"], 2, "--scorer"),
        ("values", ["--data", "nowhere"], 1, "no such folder"),
        ("values", ["--split", "test"], 1, "split"),
        ("values", ["--limit", "0"], 2, "--limit"),
    ],
)
def test_wrong_options_are_refused(
    data_for: Callable[[str], Path], capsys: pytest.CaptureFixture[str],
    command: str, words: list[str], code: int, text: str,
) -> None:  # fmt: skip
    data = () if "--data" in words else ("--data", str(data_for(command)))
    assert main(["bench", command, *data, *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert text in " ".join(err.split())


@pytest.mark.parametrize(
    ("command", "words", "figure"),
    [
        ("html", ["--scorer", "lexical"], "answer_retention"),
        ("linking", [], "kept_share"),
        ("spider", [], "ms_per_question"),
        ("values", [], "values_per_question"),
    ],
)
def test_a_table_for_people(
    data_for: Callable[[str], Path], capsys: pytest.CaptureFixture[str],
    command: str, words: list[str], figure: str,
) -> None:  # fmt: skip
    assert main(["bench", command, "--data", str(data_for(command)), *words]) == 0
    assert figure in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "first", "text"),
    [
        ("linking", 3, "no questions"),
        ("spider", 2, "no item has a database"),
        ("values", 2, "no item has a database"),
    ],
)
def test_a_set_with_nothing_to_measure_is_an_error(
    spider_folder: Callable[..., Path], capsys: pytest.CaptureFixture[str], command: str, first: int, text: str
) -> None:
    folder = spider_folder(SQL_ITEMS[first:], tables=command == "linking")
    assert main(["bench", command, "--data", str(folder), "--json"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert text in shown.err
