"""Value indexes of many databases."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql import Database
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.many import IndexReport, index_databases


@pytest.fixture
def databases(tmp_path: Path, shop: Path) -> dict[str, Path]:
    """Two databases, one that is none and one that is not there."""
    people, broken = tmp_path / "people.sqlite", tmp_path / "broken.sqlite"
    with closing(sqlite3.connect(people)) as connection, connection:
        connection.execute("CREATE TABLE person (name TEXT, mail TEXT)")
        connection.executemany("INSERT INTO person VALUES (?, ?)", [("Ada", "ada@a.org"), ("Bob", "bob@b.org")])
    broken.write_bytes(b"no database" * 100)
    return {"shop": shop, "people": people, "broken": broken, "gone": tmp_path / "gone.sqlite"}


def last_first(function: Callable, items: list) -> Iterator[IndexReport]:
    with ThreadPoolExecutor(2) as pool:
        yield from [*pool.map(function, items)][::-1]


@pytest.mark.parametrize("run", [map, last_first])
def test_each_index_is_what_its_database_gives(databases: dict[str, Path], tmp_path: Path, run: Callable) -> None:
    reports = index_databases(databases, tmp_path / "indexes", run=run)
    assert [report.name for report in reports] == list(databases)
    for report in reports[:2]:
        with Database(databases[report.name]) as database:
            alone = ValueIndex.build(database)
        index = ValueIndex.open(tmp_path / "indexes" / report.name)
        assert [*index] == [*alone]
        assert report == IndexReport(report.name, len(alone))
    assert [report.values for report in reports[2:]] == [0, 0]
    assert all(report.error for report in reports[2:])


def test_an_index_that_fits_stays(databases: dict[str, Path], tmp_path: Path) -> None:
    first = index_databases(databases, tmp_path / "indexes")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "indexes").rglob("manifest.json")}
    assert index_databases(databases, tmp_path / "indexes") == first
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_personal_data_may_be_masked(databases: dict[str, Path], tmp_path: Path) -> None:
    index_databases({"people": databases["people"]}, tmp_path, mask_personal=True)
    assert ColumnRef("person", "mail") in ValueIndex.open(tmp_path / "people").hidden


@pytest.mark.parametrize("name", ["", "..", "a/b", ".a", "a\n"])
def test_names_are_folders(name: str, shop: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a database is named"):
        index_databases({name: shop}, tmp_path)
