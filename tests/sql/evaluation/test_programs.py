"""Checked SQL of training lines: bounded whatever a line holds."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

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
