"""Checked SQL of training lines: bounded whatever a line holds."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from ctxprune.errors import DatabaseError, InputError
from ctxprune.sql import Database, Limits
from ctxprune.sql.evaluation import programs
from ctxprune.sql.evaluation.programs import SqlCheck

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def make_database(folder: Path, name: str) -> None:
    place = folder / "database" / name
    place.mkdir(parents=True)
    connection = sqlite3.connect(place / f"{name}.sqlite")
    connection.execute("CREATE TABLE item (id INTEGER)")
    connection.execute("INSERT INTO item VALUES (1)")
    connection.commit()
    connection.close()


@pytest.fixture
def check(tmp_path: Path) -> Iterator[SqlCheck]:
    make_database(tmp_path, "shop")
    with SqlCheck(tmp_path) as check_sql:
        yield check_sql


def bits(count: int, expression: str) -> str:
    """All rows of `count` bits with one column more, so that any order of the bits' columns looks right before it."""
    names = ", ".join(f"b{place}.v" for place in range(count))
    tables = ", ".join(f"(SELECT 0 v UNION ALL SELECT 1) b{place}" for place in range(count))
    return f"SELECT {names}, CASE WHEN ({expression}) % 2 THEN 'x' ELSE 'y' END FROM {tables}"


def test_the_search_over_columns_is_bounded(check: SqlCheck, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "_MOST_CELLS", 300_000)
    program, gold = (bits(9, " + ".join(f"b{place}.v" for place in range(count))) for count in (6, 8))
    started = time.process_time()
    assert check({"db_id": "shop", "program": program, "gold": gold}) == "too many alike columns to compare"
    assert time.process_time() - started < 1
    assert check({"db_id": "shop", "program": gold, "gold": gold}) == ""


def test_columns_without_number_are_compared_at_once(check: SqlCheck):
    columns = ", ".join(f"1 c{place}" for place in range(300))
    started = time.process_time()
    assert check({"db_id": "shop", "program": f"SELECT {columns}", "answer": [[1] * 300]}) == ""
    assert time.process_time() - started < 1


def test_reasons_for_what_has_no_end(tmp_path: Path):
    make_database(tmp_path, "shop")
    tables = ", ".join(f"(SELECT 1 v UNION ALL SELECT 2 UNION ALL SELECT 3) t{place}" for place in range(20))
    endless, many = f"SELECT sum(t0.v) FROM {tables}", f"SELECT t0.v FROM {tables}"
    with SqlCheck(tmp_path, limits=Limits(seconds=0.2, rows=100)) as check_sql:
        assert check_sql({"db_id": "shop", "program": endless, "answer": 1}) == "the program takes too long"
        assert check_sql({"db_id": "shop", "program": "SELECT 1", "gold": endless}) == "the gold query takes too long"
        assert check_sql({"db_id": "shop", "program": many, "answer": 1}) == "too many rows or bytes"
        assert check_sql({"db_id": "shop", "program": "SELECT 1", "gold": many}) == "too many rows or bytes"
        assert check_sql({"db_id": "shop", "program": "SELECT 1", "gold": "SELECT"}) == "the gold query fails"
        assert check_sql({"db_id": "shop", "program": "S" * 1_000_001, "answer": 1}) == "the program fails"


@pytest.mark.parametrize("name", ["n" * 300, "n" * 1_000_000, "a\0b", "\ud800", "../shop", "", 5, None, ["shop"]])
def test_names_of_no_database(check: SqlCheck, name: object):
    with pytest.raises(InputError, match="database") as caught:
        check({"db_id": name, "program": "SELECT 1", "answer": 1})
    assert len(caught.value.what) < 300


def test_files_that_are_no_database(check: SqlCheck):
    for name, content in (("text", b"hello " * 100), ("empty", b"")):
        make_database(check.folder, name)
        (check.folder / "database" / name / f"{name}.sqlite").write_bytes(content)
        with pytest.raises(DatabaseError, match="file is"):
            check({"db_id": name, "program": "SELECT 1", "answer": 1})


def test_few_databases_are_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(programs, "_MOST_OPEN", 2)
    closed: list[str] = []
    monkeypatch.setattr(Database, "close", lambda self, close=Database.close: (closed.append(self.name), close(self)))
    for name in "abc":
        make_database(tmp_path, name)
    with SqlCheck(tmp_path) as check_sql:
        for name in "abac":
            assert check_sql({"db_id": name, "program": "SELECT id FROM item", "answer": 1}) == ""
        assert closed == ["b"]  # not "a", which was used after it
    assert sorted(closed) == ["a", "b", "c"]
