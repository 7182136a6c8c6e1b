"""`ctxprune bench sparc` and `ctxprune bench cosql` on conversations made here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.sql.evaluation.conversations import read_exchange

TALKS = [
    {"id": "t-0", "db_id": "shop", "turns": [
        {"question": "What is the population of Paris?", "runs": True, "rows": 1,
         "sql": "SELECT population FROM city WHERE name = 'Paris'"},
        {"question": "and of Springfield?", "runs": True, "rows": 1,
         "sql": "SELECT population FROM city WHERE name = 'Springfield'"},
    ]},
    {"id": "t-1", "db_id": "shop", "turns": [
        {"question": "How many cities are there?", "sql": "SELECT count(*) FROM city", "runs": True},
        {"question": "What are their names?", "sql": "SELECT names FROM city", "runs": False, "rows": None},
        {"question": "Show the names of all cities.", "sql": "SELECT 'none'", "runs": True},
    ]},
    {"id": "t-2", "db_id": "absent", "turns": [{"question": "How many?", "sql": "SELECT 1", "runs": False}]},
]  # fmt: skip


@pytest.fixture
def sparc(tmp_path: Path, spider_folder: Callable[..., Path]) -> Path:
    spider_folder([], tables=True)
    data = tmp_path / "sparc"
    data.mkdir()
    (data / "dev.jsonl").write_text("\n".join(map(json.dumps, TALKS)) + "\n", encoding="utf-8")
    return data


@pytest.mark.parametrize("name", ["sparc", "cosql"])
def test_question_and_interaction_match(sparc: Path, name: str, run_bench: Callable[..., dict]):
    report = run_bench(name, "--data", sparc, "--items")
    assert (report["turns"], report["interactions"], report["skipped"]) == (4, 2, 2)
    rows = {one["index"]: one for one in report["judgements"]}
    assert [rows[place]["right"] for place in (0, 1, 2, 4)] == [True, True, True, False]
    assert (rows[3]["scored"], rows[3]["group"]) == (False, "t-1")  # asked, since later turns may refer to it
    assert (rows[0]["kind"], rows[1]["kind"]) == ("complete", "value")
    assert report["question_match"] == report["ex"] == 75.0
    assert report["interaction_match"] == 50.0
    assert report["by_turn"] == {
        "1": {"turns": 2, "ex": 100.0}, "2": {"turns": 1, "ex": 100.0}, "3": {"turns": 1, "ex": 0.0},
    }  # fmt: skip
    assert report["by_kind"]["value"] == {"turns": 1, "ex": 100.0}
    assert report["by_database"]["shop"]["ex"] == 75.0


def test_a_conversation_that_was_cut_is_held_again_from_its_start(
    sparc: Path, tmp_path: Path, run_bench: Callable[..., dict], capsys: pytest.CaptureFixture[str]
):
    log = tmp_path / "run.log"
    words = ("sparc", "--data", sparc, "--items", "--log", log)
    whole = run_bench(*words)
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:2]))  # the first turn of the first conversation is done, its second needs it
    again = run_bench(*words)
    assert [one["sql"] for one in again["judgements"]] == [one["sql"] for one in whole["judgements"]]
    assert again["judgements"][1]["kind"] == "value"
    assert run_bench(*words) == again
    assert main(["bench", "sparc", "--data", str(sparc), "--log", str(log), "--limit", "1"]) == 1
    assert "another run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("How many?", "How many?"),
        ("Which cars? | Do you mean all cars? | Yes please", "Which cars?"),
        ("Which cars? | Of which maker? | of Ford", "Which cars? of Ford"),
        ("Who? | What do you mean? | Which singer is the oldest one?", "Which singer is the oldest one?"),
        ("How many? | 12 | and how many of them are not used? | 4 | ok", "How many?"),
        (" | ", " | "),
    ],
)
def test_what_an_exchange_asks_in_the_end(text: str, asked: str):
    assert read_exchange(text) == asked


def test_limit_and_table(sparc: Path, run_bench: Callable[..., dict], capsys: pytest.CaptureFixture[str]):
    report = run_bench("cosql", "--data", sparc, "--limit", 1)
    assert (report["turns"], report["skipped"]) == (2, 2)  # skipped: of the whole set
    assert main(["bench", "sparc", "--data", str(sparc)]) == 0
    assert "interaction_match" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not a JSON file"),
        ("[]", "no array of JSON objects"),
        ('{"id": "a", "db_id": "shop", "turns": []}', "lacks id, db_id or turns"),
        ('{"id": "a", "db_id": "shop", "turns": ["?"]}', "a turn lacks"),
        ('{"id": "a", "db_id": "shop", "turns": [{"question": "", "sql": "SELECT 1", "runs": true}]}', "a turn lacks"),
        ('{"id": "a", "db_id": "no", "turns": [{"question": "?", "sql": "SELECT 1"}]}', "no conversation has a data"),
    ],
)
def test_damaged_files(sparc: Path, content: str, message: str, capsys: pytest.CaptureFixture[str]):
    (sparc / "dev.jsonl").write_text(content, encoding="utf-8")
    assert main(["bench", "sparc", "--data", str(sparc)]) == 1
    assert message in capsys.readouterr().err


def test_a_folder_without_conversations(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "cosql", "--data", str(tmp_path)]) == 1
    assert "no dev conversations found" in capsys.readouterr().err
    assert main(["bench", "cosql", "--data", str(tmp_path), "--split", "test"]) == 1
    assert "is not one of: dev, train" in capsys.readouterr().err
