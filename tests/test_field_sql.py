"""The held-out databases of benchmarks/data/field_sql: the same from every build, with gold queries that run."""

from __future__ import annotations

import hashlib
import importlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks" / "data" / "field_sql"
NAMES = ("hospital", "shop")


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("benchmarks.data.field_sql.build")


@pytest.fixture(scope="module")
def built(script, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("field_sql")
    script.build(folder)
    return folder


def dump(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_a_second_build_has_the_same_rows(script, built: Path, tmp_path: Path, name: str):
    again = tmp_path / "again.sqlite"
    script.build_database(name, again)
    assert dump(again) == dump(built / "database" / name / f"{name}.sqlite")


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_finds_its_row(built: Path, name: str):
    with closing(sqlite3.connect(built / "database" / name / f"{name}.sqlite")) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        counts = [
            connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        ]
    assert len(counts) >= 12
    assert min(counts) > 0


def test_every_gold_query_runs_and_finds_rows_whatever_their_order(script, built: Path):
    assert script.gold_faults(built) == []


def test_a_gold_query_that_fails_is_reported(script, built: Path):
    with closing(sqlite3.connect(built / "database" / "shop" / "shop.sqlite")) as connection:
        for sql in (
            "SELECT nothing FROM orders",
            "SELECT order_id FROM orders WHERE 0",
            "SELECT order_id FROM orders LIMIT 1",
        ):
            assert script.query_faults(connection, sql), sql


def test_questions_are_of_both_databases_and_differ(built: Path):
    items = json.loads((built / "items.json").read_text(encoding="utf-8"))
    without = json.loads((built / "unanswerable.json").read_text(encoding="utf-8"))
    assert [item["id"] for item in items] == list(range(120))
    for name in NAMES:
        assert sum(item["db_id"] == name for item in items) == 60
        assert sum(item["db_id"] == name for item in without) == 30
    assert len({item["question"] for item in [*items, *without]}) == 180
    assert all(item["golds"] and item["category"] for item in items)
