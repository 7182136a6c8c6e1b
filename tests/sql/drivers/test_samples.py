"""What looks at stored data runs on columns of every type, and finds the same on every kind of database."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy
from sqlalchemy.engine import make_url

from ctxprune.sql import Database
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values.column_ranges import measure_ranges

duckdb = pytest.importorskip("duckdb")
psycopg = pytest.importorskip("psycopg")
pytest.importorskip("pymysql")

ADAPTERS = {"mariadb": "mysql+pymysql", "postgres": "postgresql+psycopg"}
SALES = (
    "CREATE TABLE sold (id INTEGER PRIMARY KEY, price DOUBLE PRECISION, pieces DECIMAL(8, 2), day DATE, "
    "moment TIMESTAMP NULL, code VARCHAR(20), note VARCHAR(20))",
    "INSERT INTO sold VALUES (1, 2.5, 3, '2024-01-05', '2024-01-05 10:00:00', '15', 'a'), "
    "(2, 40, 7, '2024-02-29', '2024-03-01 11:30:00', '20', 'b'), (3, NULL, 9, NULL, NULL, '1,300', NULL)",
)
OTHER_TYPES = {
    "duckdb": "INTERVAL, BOOLEAN, BLOB, UUID, JSON, INTEGER[], BIT, STRUCT(a INTEGER), TIME, TIMESTAMPTZ, TIMESTAMP_NS",
    "mariadb": "BLOB, JSON, TIME, DATETIME(6), ENUM('a'), SET('a'), POINT, VARBINARY(5), UUID, INET6",
}
NUMBERS = {
    "duckdb": "TINYINT, INTEGER, UBIGINT, HUGEINT, FLOAT, DOUBLE, DECIMAL(9, 2)",
    "mariadb": "TINYINT, INT UNSIGNED, BIGINT(20), DECIMAL(9, 2), FLOAT, DOUBLE, YEAR, BIT(3)",
}


@pytest.fixture(params=["sqlite", "duckdb", "mariadb", "postgres"])
def kind(request):
    return request.param


@pytest.fixture
def made(kind, request, tmp_path):
    """Makes a database by statements."""
    opened = []

    def make(*statements):
        if kind in ADAPTERS:
            urls = request.getfixturevalue(f"{kind}_database")
            target = urls.reader_url
            engine = sqlalchemy.create_engine(make_url(urls.admin_url).set(drivername=ADAPTERS[kind]))
            connection = engine.raw_connection()
        else:
            target = tmp_path / f"made.{kind}"
            connection = duckdb.connect(str(target)) if kind == "duckdb" else sqlite3.connect(target)
        with closing(connection):
            for sql in statements:
                connection.cursor().execute(sql)
            connection.commit()
        if kind in ADAPTERS:
            engine.dispose()
        opened.append(Database(target))
        return opened[-1]

    yield make
    for database in opened:
        database.close()


def test_every_kind_measures_the_same_ranges(made):
    database = made(*SALES)
    ran = []
    whole = database.execute
    database.execute = lambda sql, **options: (ran.append(sql), whole(sql, **options))[1]
    found = {one["column"]: one for one in measure_ranges(database, database.schema())}
    assert sum("count(*)" not in sql and "sum(" in sql for sql in ran) == 1  # not a scan for every column
    assert {
        name: (one["low"], one["high"], one["count"], one["whole"], one["form"]) for name, one in found.items()
    } == {
        "id": (1, 3, 3, True, ""),
        "price": (2.5, 40, 2, False, ""),
        "pieces": (3, 9, 3, True, ""),
        "day": (20240105, 20240229, 2, True, "%Y-%m-%d"),
        "moment": (20240105, 20240301, 2, True, "%Y-%m-%d"),
        "code": (15, 1300, 3, True, ""),
    }
    assert found["moment"]["timed"]
    assert found["price"]["values"] == (2.5, 40)


@pytest.mark.parametrize("kind", ["duckdb", "mariadb"], indirect=True)
def test_columns_of_every_type_are_looked_at(made, kind):
    numbers, others = (types.replace(", 2)", "; 2)").split(", ") for types in (NUMBERS[kind], OTHER_TYPES[kind]))
    every = [one.replace(";", ",") for one in numbers + others]
    database = made(f"CREATE TABLE every ({', '.join(f'c{i} {one}' for i, one in enumerate(every))})")
    check(database, len(numbers))


@pytest.mark.parametrize("kind", ["postgres"], indirect=True)
def test_columns_of_every_type_of_postgres_are_looked_at(made, postgres_database):
    numbers = ["smallint", "integer", "bigint", "numeric", "numeric(9,2)", "real", "double precision"]
    with psycopg.connect(postgres_database.admin_url) as admin:
        found = admin.execute(
            "SELECT format_type(oid, NULL) FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace "
            "AND typtype IN ('b', 'r', 'm') AND typcategory <> 'A'"
        )
        others = [one for (one,) in found if one not in numbers]
    assert {"interval", "int4range", "int8multirange", "numrange", "daterange", "json", "boolean"} <= set(others)
    every = [f"c{i} {one}" for i, one in enumerate(numbers + others)]
    check(made(f"CREATE TABLE every ({', '.join(every)})"), len(numbers))


def check(database, numbers):
    """Numbers come first, and every statement over the table runs."""
    table = database.table("every")
    samples = database.samples
    assert [samples.holds_number(column) for column in table.columns] == [
        i < numbers for i in range(len(table.columns))
    ]
    columns = table.columns[:200]
    database.execute(samples.ranges(table, columns))
    database.execute(samples.first_rows(table, columns))
    database.execute(samples.statistics(table, columns))
    for column in columns:
        database.execute(samples.example(table, column, 3))
        assert database.whole_numbers(ColumnRef("every", column.name), 3) == []
        assert list(database.distinct_values(ColumnRef("every", column.name))) == []
