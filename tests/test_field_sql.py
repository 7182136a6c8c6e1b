"""The databases of benchmarks/data/field_sql: the same from every build, with gold queries that find something."""

from __future__ import annotations

import hashlib
import importlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

PARTS = {1: ("hospital", "shop"), 2: ("bookstore", "cityhosp"), 3: ("garden_centre", "rehabclinic")}
NAMED = [(part, name) for part, names in PARTS.items() for name in names]


@pytest.fixture(scope="module")
def script():
    return importlib.import_module("benchmarks.data.field_sql.build")


@pytest.fixture(scope="module")
def built(script, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folders = {part: tmp_path_factory.mktemp(f"part_{part}") for part in PARTS}
    for part, folder in folders.items():
        script.build(folder, part)
    return folders


def dump(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).hexdigest()


def test_the_parts_are_known(script):
    assert {part: tuple(sorted(makers)) for part, makers in script.PARTS.items()} == PARTS


@pytest.mark.parametrize(("part", "name"), NAMED)
def test_a_second_build_has_the_same_rows(script, built, tmp_path: Path, part: int, name: str):
    again = tmp_path / "again.sqlite"
    script.build_database(name, again)
    assert dump(again) == dump(built[part] / "database" / name / f"{name}.sqlite")


@pytest.mark.parametrize(("part", "name"), NAMED)
def test_every_reference_finds_its_row(built, part: int, name: str):
    with closing(sqlite3.connect(built[part] / "database" / name / f"{name}.sqlite")) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        counts = [
            connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
            for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        ]
    assert len(counts) >= 12
    assert min(counts) > 0


@pytest.mark.parametrize("part", PARTS)
def test_every_gold_query_runs_and_finds_rows_whatever_their_order(script, built, part: int):
    assert script.gold_faults(built[part]) == []


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("SELECT colour FROM orders", "no such column"),
        ("SELECT order_id FROM orders WHERE 0", "no rows"),
        ("SELECT order_id FROM orders LIMIT 1", "depends on a tie"),
        ("SELECT order_id FROM orders ORDER BY channel LIMIT 3", "depends on a tie"),
        # The groups come out sorted, so turning the stored rows round does not show the tie.
        ("SELECT order_id FROM order_items GROUP BY order_id ORDER BY COUNT(*) DESC LIMIT 1", "depends on a tie"),
        ("SELECT order_id FROM orders WHERE order_id > 0", "no other rows than a trivial query"),
        ("SELECT COUNT(order_id) FROM orders", "no other rows than a trivial query"),
    ],
)
def test_a_fault_of_a_gold_query_is_reported(script, built, sql: str, fault: str):
    with closing(sqlite3.connect(built[1] / "database" / "shop" / "shop.sqlite")) as connection:
        assert any(fault in found for found in script.query_faults(connection, sql))


def test_a_trivial_query_that_is_accepted_is_no_fault(script, built):
    golds = ["SELECT order_id FROM orders WHERE order_id > 0", "SELECT order_id FROM orders"]
    with closing(sqlite3.connect(built[1] / "database" / "shop" / "shop.sqlite")) as connection:
        assert script.query_faults(connection, golds[0], golds) == []


@pytest.mark.parametrize("part", PARTS)
def test_questions_are_of_both_databases_and_differ(built, part: int):
    items = json.loads((built[part] / "items.json").read_text(encoding="utf-8"))
    without = json.loads((built[part] / "unanswerable.json").read_text(encoding="utf-8"))
    assert [item["id"] for item in items] == list(range(120))
    for name in PARTS[part]:
        assert sum(item["db_id"] == name for item in items) == 60
        assert sum(item["db_id"] == name for item in without) == 30
    assert len({item["question"] for item in [*items, *without]}) == 180
    assert all(item["golds"] and item["category"] for item in items)


def test_no_question_is_in_two_parts(built):
    asked = [
        item["question"].lower()
        for folder in built.values()
        for file in ("items.json", "unanswerable.json")
        for item in json.loads((folder / file).read_text(encoding="utf-8"))
    ]
    assert len(asked) == len(set(asked))
