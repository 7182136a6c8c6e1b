"""`ctxprune bench values` on a benchmark folder made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.cli import main

ITEMS = [
    {"db_id": "shop", "question": "How many people live in springfield?",
     "query": "SELECT population FROM city WHERE name = 'Springfield'"},
    {"db_id": "shop", "question": "How many people live in the city of bridges?", "evidence": "that is 'Paris'",
     "query": "SELECT population FROM city WHERE name = 'Paris'"},
    {"db_id": "shop", "question": "Cities of the USA", "query": "SELECT name FROM city WHERE country = 'usa'"},
    {"db_id": "shop", "question": "What?", "query": "SELECT FROM WHERE"},
    {"db_id": "absent", "question": "How many cities are there?", "query": "SELECT count(*) FROM city"},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, shop: Path) -> Path:
    data = tmp_path / "spider"
    place = data / "database" / "shop" / "shop.sqlite"
    place.parent.mkdir(parents=True)
    shop.rename(place)
    (data / "dev.json").write_text(json.dumps(ITEMS), encoding="utf-8")
    return data


def bench(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["bench", "values", "--data", str(folder), "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_figures(folder: Path, capsys: pytest.CaptureFixture[str]):
    report = bench(folder, capsys)
    assert (report["set"], report["split"], report["evidence"]) == ("spider", "dev", True)
    assert len(report["data"]) == 16
    assert (report["recall"], report["stored"], report["found"], report["not_stored"]) == (100, 2, 2, 1)
    assert (report["questions"], report["skipped"], report["unreadable_gold"]) == (3, 1, 1)
    assert report["values_per_question"] == 1.333  # Paris is a city and the city of an order
    assert report["ms_per_question"] > 0
    assert (report["databases"], report["indexed_values"]) == (1, 15)


def test_without_evidence(folder: Path, capsys: pytest.CaptureFixture[str]):
    report = bench(folder, capsys, "--no-evidence", "--missed")
    assert (report["recall"], report["evidence"]) == (50, False)
    assert report["missed"] == [{"index": 1, "table": "city", "column": "name", "value": "Paris"}]


def test_a_sample(folder: Path, capsys: pytest.CaptureFixture[str]):
    report = bench(folder, capsys, "--limit", "2")
    assert report["questions"] + report["unreadable_gold"] == 2
    assert report["skipped"] == 0


def test_people_see_a_table(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "values", "--data", str(folder)]) == 0
    assert "values_per_question" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [(["--data", "nowhere"], 1, "no such folder"), (["--split", "test"], 1, "split"), (["--limit", "0"], 2, "--limit")],
)
def test_wrong_words(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, text: str):
    assert main(["bench", "values", "--data", str(folder), *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert text in err


def test_a_set_without_any_database_is_an_error(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "dev.json").write_text(json.dumps(ITEMS[4:]), encoding="utf-8")
    assert main(["bench", "values", "--data", str(folder), "--json"]) == 1
    assert "no item has a database" in capsys.readouterr().err


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "recall", "values"),
    [("spider", 99, 3), ("spider_syn", 99, 3), ("bird_dev", 99, 5), ("kaggledbqa", 80, 5)],
)
def test_what_was_asked_for(shared: Path, capsys: pytest.CaptureFixture[str], name: str, recall: float, values: float):
    report = bench(shared / "data" / "nl2sql" / name, capsys)
    assert report["recall"] >= recall
    assert report["values_per_question"] <= values
    assert report["stored"] >= 30
