"""`ctxprune bench values` on a benchmark folder made here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

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
def folder(spider_folder: Callable[..., Path]) -> Path:
    return spider_folder(ITEMS)


def test_figures(folder: Path, run_bench: Callable[..., dict]):
    report = run_bench("values", "--data", folder)
    assert (report["set"], report["split"], report["evidence"]) == ("spider", "dev", True)
    assert len(report["data"]) == 16
    assert (report["recall"], report["stored"], report["found"], report["not_stored"]) == (100, 2, 2, 1)
    assert (report["questions"], report["skipped"], report["unreadable_gold"]) == (3, 1, 1)
    assert report["values_per_question"] == 1.333  # Paris is a city and the city of an order
    assert report["ms_per_question"] > 0
    assert (report["databases"], report["indexed_values"]) == (1, 15)


def test_without_evidence(folder: Path, run_bench: Callable[..., dict]):
    report = run_bench("values", "--data", folder, "--no-evidence", "--missed")
    assert (report["recall"], report["evidence"]) == (50, False)
    assert report["missed"] == [{"index": 1, "table": "city", "column": "name", "value": "Paris"}]


def test_a_sample(folder: Path, run_bench: Callable[..., dict]):
    report = run_bench("values", "--data", folder, "--limit", "2")
    assert report["questions"] + report["unreadable_gold"] == 2
    assert report["skipped"] == 0


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "recall", "values"),
    [("spider", 99, 3), ("spider_syn", 99, 3), ("bird_dev", 99, 5), ("kaggledbqa", 80, 5)],
)
def test_what_was_asked_for(shared: Path, run_bench: Callable[..., dict], name: str, recall: float, values: float):
    report = run_bench("values", "--data", shared / "data" / "nl2sql" / name)
    assert report["recall"] >= recall
    assert report["values_per_question"] <= values
    assert report["stored"] >= 30
