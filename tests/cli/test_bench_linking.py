"""`ctxprune bench linking` on a benchmark folder made here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ctxprune.cli import main

ITEMS = [
    {"db_id": "shop", "question": "How many people live in springfield?",
     "query": "SELECT population FROM city WHERE name = 'Springfield'"},
    {"db_id": "shop", "question": "What is the highest price?", "evidence": "in the currency EUR",
     "query": "SELECT max(price) FROM `order items` WHERE currency = 'EUR'"},
    {"db_id": "absent", "question": "How many cities are there?", "query": "SELECT count(*) FROM city"},
    {"db_id": "absent", "question": "What?", "query": "SELECT nothing FROM nowhere"},
    {"db_id": "unknown", "question": "What?", "query": "SELECT 1"},
]  # fmt: skip


@pytest.fixture
def folder(spider_folder: Callable[..., Path]) -> Path:
    return spider_folder(ITEMS, tables=True)


def bench(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["bench", "linking", "--data", str(folder), "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_figures(folder: Path, capsys: pytest.CaptureFixture[str]):
    report = bench(folder, capsys)
    assert (report["set"], report["split"], report["linker"]) == ("spider", "dev", "ranked.v1")
    assert (report["items"], report["items_with_columns"], report["unlabelled"]) == (3, 2, 2)
    assert (report["databases"], report["with_value_hits"]) == (1, 2)
    assert report["strict_recall"] == report["column_recall"] == report["table_recall"] == 100
    assert 0 < report["precision"] <= 100
    assert 0 < report["kept_share"] < 100
    assert report["tokens_before"] > report["tokens_after"] > 0
    assert report["tokenizer"] == "ctxprune-bpe.v1"
    assert report["ms_p99"] >= report["ms_per_question"] > 0
    assert report["ms_values"] > 0
    assert len(report["data"]) == 16


def test_evidence_counts_unless_it_is_left_out(folder: Path, capsys: pytest.CaptureFixture[str]):
    told, untold = bench(folder, capsys), bench(folder, capsys, "--no-evidence")
    assert (told["evidence"], untold["evidence"]) == (True, False)
    assert untold["with_value_hits"] == 1
    assert told["column_recall"] > untold["column_recall"]


def test_other_linkers_by_name(folder: Path, capsys: pytest.CaptureFixture[str]):
    for name in ("lexical.v1", "pruner.v1", "ranked_pruner.v1"):
        report = bench(folder, capsys, "--linker", name.partition(".")[0])
        assert report["linker"] == name
        assert report["items"] == 3


def test_a_sample(folder: Path, capsys: pytest.CaptureFixture[str]):
    report = bench(folder, capsys, "--limit", "2")
    assert report["items"] + report["unlabelled"] == 2


SQL = [
    "SELECT population FROM city WHERE country = 'USA'", "no SQL", "SELECT count(*) FROM city",
    "SELECT name FROM city", "SELECT 1",
]  # fmt: skip


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    rows = [
        {"index": i, "db_id": item["db_id"], "question": item["question"], "candidates": {"weak": "?", "strong": sql}}
        for i, (item, sql) in enumerate(zip(ITEMS, SQL, strict=True))
    ]
    path = tmp_path / "candidates.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def test_preliminary_sql_adds_its_columns(folder: Path, predictions: Path, capsys: pytest.CaptureFixture[str]):
    report = bench(folder, capsys, "--presql", f"{predictions}:strong")
    assert (report["linker"], report["inner"]) == ("presql.v1", "ranked.v1")
    assert report["presql"] == {
        "file": "candidates.jsonl", "system": "strong", "items": 5, "data": report["presql"]["data"]
    }  # fmt: skip
    assert report["strict_recall"] == 100


def test_preliminary_sql_that_is_no_sql_gives_nothing(
    folder: Path, predictions: Path, capsys: pytest.CaptureFixture[str]
):
    given, plain = bench(folder, capsys, "--presql", f"{predictions}:weak"), bench(folder, capsys)
    same = ("strict_recall", "kept_share", "tokens_after", "precision")
    assert [given[name] for name in same] == [plain[name] for name in same]


def test_predictions_of_another_set_are_an_error(folder: Path, predictions: Path, capsys: pytest.CaptureFixture[str]):
    row = {"db_id": "elsewhere", "question": "?", "candidates": {"strong": "SELECT 1"}}
    predictions.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert main(["bench", "linking", "--data", str(folder), "--presql", f"{predictions}:strong"]) == 1
    assert "strong has no SQL for any question" in capsys.readouterr().err


def test_an_unknown_system_lists_the_known_ones(folder: Path, predictions: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "linking", "--data", str(folder), "--presql", f"{predictions}:string"]) == 1
    err = capsys.readouterr().err
    assert "known: strong, weak" in err
    assert main(["bench", "linking", "--data", str(folder), "--presql", str(predictions)]) == 2


@pytest.mark.data
@pytest.mark.parametrize(
    ("system", "strict", "items"),
    [
        ("RSL-SQL.gpt-4o.step1", 94, 100),
        pytest.param("RSL-SQL.gpt-4o.step1", 96, 300, marks=pytest.mark.long),
        pytest.param("Artessay.Base.Qwen.Qwen2.5-Coder-7B-Instruct.VanillaLinker", 94, 300, marks=pytest.mark.long),
    ],
)
def test_published_preliminary_sql(
    shared: Path, capsys: pytest.CaptureFixture[str], system: str, strict: float, items: int
):
    data = shared / "data" / "nl2sql"
    file = data / "candidates" / "bird_dev_candidates.jsonl"
    report = bench(data / "bird_dev", capsys, "--presql", f"{file}:{system}", "--limit", str(items))
    assert report["presql"]["items"] == 822
    assert report["strict_recall"] >= strict
    assert report["kept_share"] <= 28


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "strict", "kept", "items"),
    [
        ("spider", 98, 52, 520),
        ("bird_dev", 91, 30, 200),
        pytest.param("bird_dev", 93, 30, 822, marks=pytest.mark.long),
        ("kaggledbqa", 60, 40, 149),
    ],
)
def test_figures_on_published_sets(
    shared: Path, capsys: pytest.CaptureFixture[str], name: str, strict: float, kept: float, items: int
):
    report = bench(shared / "data" / "nl2sql" / name, capsys, "--limit", str(items))
    assert report["items"] == items
    assert report["strict_recall"] >= strict
    assert report["kept_share"] <= kept


def test_pooled_figures(folder: Path, capsys: pytest.CaptureFixture[str]):
    report = bench(folder, capsys, "--pooled")
    assert (report["set"], report["databases"], report["tables"], report["columns"]) == ("spider", 2, 4, 16)
    assert (report["items"], report["items_with_columns"], report["unlabelled"]) == (3, 2, 2)
    assert report["recall_at"]["20"] == report["strict_at"]["50"] == report["tables_at"]["10"] == 100
    assert {"10", "20", "50"} <= set(report["recall_at"])
    assert bench(folder, capsys, "--pooled", "--limit", "1")["items"] == 1


def test_pooled_figures_for_people(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "linking", "--data", str(folder), "--pooled"]) == 0
    shown = capsys.readouterr().out
    assert "2 databases pooled" in shown
    assert "100.0 @20" in shown


@pytest.mark.parametrize("words", [("--linker", "lexical"), ("--split", "train"), ("--schemas", ".")])
def test_pooled_goes_with_few_options(words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "linking", "--data", str(folder), "--pooled", *words]) == 2
    assert "--pooled" in capsys.readouterr().err
