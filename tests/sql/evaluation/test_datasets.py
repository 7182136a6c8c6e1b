"""Benchmark folders in the layouts in which they are published, made small here."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.errors import InputError, UsageError
from ctxprune.sql.evaluation.datasets import Item, load, sample_items


def schema_entry(db_id: str) -> dict[str, object]:
    return {
        "db_id": db_id,
        "table_names_original": ["loaf"],
        "table_names": ["loaf"],
        "column_names_original": [[-1, "*"], [0, "id"], [0, "kind"]],
        "column_names": [[-1, "*"], [0, "id"], [0, "grain used"]],
        "column_types": ["text", "number", "text"],
        "primary_keys": [1],
        "foreign_keys": [],
    }


def make_database(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE loaf (id INTEGER PRIMARY KEY, kind TEXT)")


def write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def spider(tmp_path: Path) -> Path:
    folder = tmp_path / "spider"
    rows = [{"db_id": name, "question": f"q {name}", "query": "SELECT 1"} for name in ("bakery", "absent", "bakery")]
    write(folder / "dev.json", rows)
    write(folder / "train_spider.json", rows[:1])
    write(folder / "tables.json", [schema_entry("bakery"), schema_entry("absent")])
    make_database(folder / "database" / "bakery" / "bakery.sqlite")
    return folder


def test_spider_layout(spider: Path):
    bench = load(spider)
    assert [item.question for item in bench.items] == ["q bakery", "q absent", "q bakery"]
    assert [item.index for item in bench.present] == [0, 2]
    assert set(bench.schemas) == {"bakery", "absent"}
    assert len(load(spider, split="train").items) == 1


def test_synonym_layout_takes_the_synonym_question_and_its_sibling(spider: Path):
    folder = spider.parent / "spider_syn"
    write(
        folder / "dev.json", [{"db_id": "bakery", "SpiderQuestion": "a", "SpiderSynQuestion": "b", "query": "SELECT 1"}]
    )
    bench = load(folder)
    assert bench.items[0].question == "b"
    assert bench.databases["bakery"] == spider.resolve() / "database" / "bakery" / "bakery.sqlite"
    assert "bakery" in bench.schemas


def test_dk_layout_prefers_its_own_databases(spider: Path):
    folder = spider.parent / "spider_dk"
    write(folder / "Spider-DK.json", [{"db_id": "bakery", "question": "a", "query": "SELECT 1"}])
    write(folder / "tables_new.json", [schema_entry("new_bakery")])
    make_database(folder / "database" / "bakery" / "bakery.sqlite")
    bench = load(folder)
    assert bench.databases["bakery"].is_relative_to(folder)
    assert {"bakery", "new_bakery"} <= set(bench.schemas)


def test_kaggle_layout_reads_whole_example_files_only(tmp_path: Path):
    folder = tmp_path / "kaggledbqa"
    for name in ("bakery", "bakery_fewshot", "bakery_test", "mill"):
        write(folder / "examples" / f"{name}.json", [{"db_id": "bakery", "question": name, "query": "SELECT 1"}])
    write(folder / "KaggleDBQA_tables.json", [schema_entry("bakery")])
    make_database(folder / "databases" / "bakery" / "bakery.sqlite")
    bench = load(folder)
    assert [item.question for item in bench.items] == ["bakery", "mill"]
    assert len(bench.present) == 2


@pytest.mark.parametrize("parent", ["databases", "dev_databases"])
def test_bird_layout(tmp_path: Path, parent: str):
    folder = tmp_path / "bird_dev"
    row = {
        "question_id": 7,
        "db_id": "bakery",
        "question": "a",
        "evidence": "e",
        "SQL": "SELECT 1",
        "difficulty": "simple",
    }
    write(folder / "dev.json", [row])
    entry = schema_entry("bakery")
    entry["primary_keys"] = [[1, 2]]
    write(folder / "dev_tables.json", [entry])
    make_database(folder / parent / "bakery" / "bakery.sqlite")
    item = load(folder).present[0]
    assert (item.evidence, item.difficulty, item.gold) == ("e", "simple", "SELECT 1")


@pytest.mark.parametrize(
    "content", ["", "{", "{}", "[1]", '[{"db_id": "a"}]', '[{"db_id": 3, "question": "a", "query": "b"}]', "\ufeff[]"]
)
def test_damaged_questions_are_named(spider: Path, content: str):
    (spider / "dev.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"dev\.json"):
        load(spider)


def test_missing_folders_files_and_splits(tmp_path: Path, spider: Path):
    with pytest.raises(InputError, match="no such folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(InputError, match="no such folder"):
        load(spider, schemas=tmp_path / "nowhere")
    with pytest.raises(InputError, match="no dev questions"):
        load(tmp_path)
    with pytest.raises(UsageError, match="test"):
        load(spider, split="test")


def test_the_fingerprint_follows_the_data(spider: Path):
    before = load(spider).fingerprint
    assert load(spider).fingerprint == before
    rows = json.loads((spider / "dev.json").read_text(encoding="utf-8"))
    rows[0]["question"] += "?"
    write(spider / "dev.json", rows)
    assert load(spider).fingerprint != before


ITEMS = st.lists(st.sampled_from("abcd"), max_size=30).map(
    lambda names: [Item(index, name, "q", "s") for index, name in enumerate(names)]
)


@given(ITEMS, st.integers(0, 40), st.randoms(use_true_random=False))
def test_samples_are_stratified_and_blind_to_order(items, n, rng):
    sample = sample_items(items, n, seed=1)
    shuffled = list(items)
    rng.shuffle(shuffled)
    assert sample == sample_items(shuffled, n, seed=1)
    assert len(sample) == min(n, len(items)) == len(set(sample))
    sizes = {name: sum(item.db_id == name for item in items) for name in "abcd"}
    taken = {name: sum(item.db_id == name for item in sample) for name in "abcd"}
    largest = max(taken.values(), default=0)
    assert all(taken[name] >= min(sizes[name], largest - 1) for name in "abcd")


@pytest.mark.data
def test_the_shared_folders_load(shared: Path):
    root = shared / "data" / "nl2sql"
    counts = {name: load(root / name) for name in ("spider", "spider_syn", "spider_dk", "kaggledbqa", "bird_dev")}
    assert {name: len(bench.items) for name, bench in counts.items()} == {
        "spider": 520, "spider_syn": 520, "spider_dk": 339, "kaggledbqa": 149, "bird_dev": 822,
    }  # fmt: skip
    assert {name: len(bench.present) for name, bench in counts.items()} == {
        "spider": 458, "spider_syn": 458, "spider_dk": 277, "kaggledbqa": 60, "bird_dev": 129,
    }  # fmt: skip
