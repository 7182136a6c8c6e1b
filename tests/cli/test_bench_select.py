"""`ctxprune bench select` on a benchmark folder made here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.sql.select.ranked import load_weights

ITEMS = [
    {"db_id": "shop", "question": "How many cities are there?", "query": "SELECT count(*) FROM city"},
    {"db_id": "shop", "question": "What are the names of all cities?", "query": "SELECT name FROM city"},
    {"db_id": "absent", "question": "How many cities are there?", "query": "SELECT count(*) FROM city"},
]
ROWS = [
    {"a": "SELECT count(*) FROM city", "b": "SELECT name FROM city", "c": "SELECT COUNT(name) FROM city"},
    {"a": "SELECT population FROM city", "b": "SELECT name FROM city", "c": "SELECT nothing FROM city"},
    {"a": "SELECT 1", "b": "SELECT 1", "c": "SELECT 1"},
]


@pytest.fixture
def folder(tmp_path: Path, spider_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = spider_folder(ITEMS)
    lines = [
        {"index": place, "db_id": item["db_id"], "candidates": row | {"x.GoldFilter(uses-gold-schema)": item["query"]}}
        for place, (item, row) in enumerate(zip(ITEMS, ROWS, strict=True))
    ]
    (tmp_path / "candidates.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return data


def bench(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    file = str(folder.parent / "candidates.jsonl")
    assert main(["bench", "select", "--data", str(folder), "--candidates", file, "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_figures(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = bench(folder, capsys, "--selector", "vote")
    assert (report["items"], report["systems"]) == (2, 3)  # one database is absent, one system saw gold schema
    assert (report["best_single"], report["majority"], report["any_correct"]) == (50, 50, 100)


def test_the_ranker_says_what_it_learned_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = bench(folder, capsys)
    assert report["selector"] == "ranked.v1"
    assert report["trained_on"]
    assert report["cross_fitted"] is False
    assert 0 <= report["ex"] <= report["any_correct"]
    assert 0 <= report["ece"] <= 100


def test_results_are_kept_in_the_cache_folder_or_the_named_file(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first = bench(folder, capsys)
    assert (tmp_path / "cache" / "ctxprune" / "executions.sqlite").is_file()
    assert bench(folder, capsys) == first
    assert bench(folder, capsys, "--cache", str(tmp_path / "mine.sqlite")) == first
    assert (tmp_path / "mine.sqlite").is_file()


def test_a_database_that_the_weights_learned_from_is_cross_fitted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = min(load_weights().learned)
    for path in (folder / "dev.json", folder.parent / "candidates.jsonl"):
        path.write_text(path.read_text(encoding="utf-8").replace('"shop"', f'"{name}"'), encoding="utf-8")
    place = folder / "database" / name
    (folder / "database" / "shop").rename(place)
    (place / "shop.sqlite").rename(place / f"{name}.sqlite")
    assert bench(folder, capsys)["cross_fitted"] is True


def test_the_cache_is_none_of_the_inputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, place = str(folder.parent / "candidates.jsonl"), str(folder / "database" / "shop" / "shop.sqlite")
    assert main(["bench", "select", "--data", str(folder), "--candidates", file, "--cache", place]) != 0
    assert "is read" in capsys.readouterr().err


def test_a_file_without_an_item_of_the_set(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder.parent / "candidates.jsonl"
    file.write_text('{"index": 2, "db_id": "absent", "candidates": {"a": "SELECT 1"}}', encoding="utf-8")
    assert main(["bench", "select", "--data", str(folder), "--candidates", str(file), "--json"]) != 0
    assert "no item" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "says"), [("best", "no selector is named"), ("judged", "ranked or vote")])
def test_an_unusable_selector_is_wrong_usage(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, says: str
) -> None:
    words = ["bench", "select", "--data", str(folder), "--candidates", str(folder / "absent"), "--selector", name]
    assert main(words) == 2
    shown = capsys.readouterr()
    assert says in " ".join(shown.err.split())
    assert shown.out == ""
