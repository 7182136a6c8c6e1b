"""Years and months compared with date columns."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.sql import Database, Pipeline
from ctxprune.sql.generate.sketch.periods import date_columns, day_bounds, find_stored_days
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


def test_columns_of_texts_hold_days_where_all_known_values_do():
    samples = {
        ColumnRef("a", "days"): ("2020-03-05", None, "2021-12-01 08:00:00"),
        ColumnRef("a", "mixed"): ("2020-03-05", "unknown"),
        ColumnRef("a", "years"): ("2020", "2021"),
        ColumnRef("a", "other"): ("05.03.2020",),
        ColumnRef("a", "numbers"): (20200305, 7),
        ColumnRef("a", "empty"): (None, ""),
        ColumnRef("a", "longer"): ("2020-03-051",),
    }
    assert find_stored_days(samples) == {ColumnRef("a", "days")}


def test_years_are_days_of_a_column_of_texts(tmp_path: Path):
    path = tmp_path / "zoo.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE animals (animal_id INTEGER PRIMARY KEY, name TEXT, born_on TEXT)")
        rows = [(f"animal {number}", f"{2015 + number % 10}-0{1 + number % 9}-11") for number in range(100)]
        connection.executemany("INSERT INTO animals (name, born_on) VALUES (?, ?)", rows)
        connection.commit()
    with Database(path) as database:
        answer = Pipeline(database).ask("How many animals were born after 2020?")
    assert (answer.rows, answer.outcome) == (((40,),), "answered")
    assert all("born_on > 2020" not in one.sql for one in answer.trace.candidates)
