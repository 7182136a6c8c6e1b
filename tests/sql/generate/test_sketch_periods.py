"""Years and months compared with date columns."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from ctxprune.sql.generate.sketch.periods import date_columns, day_bounds
from ctxprune.sql.generate.sketch.query import Condition, Item, Query
from ctxprune.sql.generate.sketch.view import SchemaView
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table

COLUMNS = (
    Column("name", "TEXT"), Column("hired_on", "DATE"), Column("seen", "timestamp"), Column("at", "TIME"),
    Column("birth year", "DATE"), Column("built", "INTEGER"),
)  # fmt: skip
SCHEMA = Schema("firm", (Table("person", COLUMNS),))


def test_columns_that_hold_days():
    assert date_columns(SCHEMA) == {ColumnRef("person", "hired_on"), ColumnRef("person", "seen")}


@pytest.mark.parametrize(
    ("op", "value", "expected"),
    [
        ("=", 2020, 1), ("!=", 2020, 15), (">", 2020, 5), (">=", 2020, 6), ("<", 2015, 5), ("<=", 2015, 6),
        ("between", (2012, 2014), 3), ("=", "2020-06", 0), ("=", "2020-12", 1), ("<", "2020-12", 10),
        (">=", "2020-12", 6), (">", "2020-12", 5), ("between", ("2012-12", "2014-06"), 2),
    ],
)  # fmt: skip
@pytest.mark.parametrize("column", ["hired_on", "seen"])
def test_a_year_or_month_means_its_days(op: str, value: object, expected: int, column: str):
    item = Item(ColumnRef("person", column))
    query = Query((Item(None, "count"),), ("person",), where=(Condition(item, op, value),))
    sql = SchemaView.of(SCHEMA).writer.write(query)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE person (name TEXT, hired_on DATE, seen TIMESTAMP)")
        rows = [("p", f"{year}-12-01", f"{year}-12-31 23:59:59") for year in range(2010, 2026)]
        connection.executemany("INSERT INTO person VALUES (?, ?, ?)", rows)
        assert connection.execute(sql).fetchone() == (expected,), sql


@pytest.mark.parametrize(
    ("op", "value"), [("=", "2020"), ("=", 20), ("=", 2020.5), ("like", 2020), ("between", (2012, "x")), ("=", True)]
)
def test_what_is_no_year_stays(op: str, value: object):
    assert day_bounds(op, value) is None


def test_numbers_stay_numbers():
    item = Item(ColumnRef("person", "built"))
    query = Query((Item(ColumnRef("person", "name")),), ("person",), where=(Condition(item, ">", 2020),))
    assert SchemaView.of(SCHEMA).writer.write(query).endswith("WHERE built > 2020")
