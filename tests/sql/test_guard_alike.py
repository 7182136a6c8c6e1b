"""What the guard lets through is what the executor runs, where each judges by rules of its own."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from servers import Database as Made

from ctxprune.errors import QueryError
from ctxprune.sql.database.database import Database
from ctxprune.sql.guard import Guard

TABLE = "CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR(20), c DOUBLE PRECISION)"
ROWS = "INSERT INTO t VALUES (1, 'one', 1.5), (2, 'two', 2.5), (3, NULL, NULL)"
PIVOTS = (
    "PIVOT t ON b IN ('one', 'two') USING sum(a)",
    "SELECT * FROM (PIVOT t ON b IN ('one') USING sum(a)) AS p",
    "SELECT * FROM t PIVOT (sum(a) FOR b IN ('one', 'two'))",
    "FROM t PIVOT (sum(a) FOR b IN ('one'))",
    "WITH p AS (PIVOT t ON b IN ('one') USING sum(a)) SELECT * FROM p",
    "PIVOT t ON b IN ('one'), c IN (1.5) USING sum(a)",
    "PIVOT (SELECT * FROM t) ON b IN ('one') USING sum(a)",
    "UNPIVOT t ON a INTO NAME k VALUE v",
    "SELECT * FROM t UNPIVOT (v FOR k IN (a))",
    # DuckDB makes several statements of these: it reads the values first
    "PIVOT t ON b USING sum(a)",
    "PIVOT t ON b, c USING sum(a)",
    "PIVOT t ON b USING sum(a) GROUP BY c",
    "PIVOT t ON b IN (SELECT b FROM t) USING sum(a)",
    "SELECT * FROM (PIVOT t ON b USING sum(a))",
    "WITH p AS (PIVOT t ON b USING sum(a)) SELECT * FROM p",
)
MEDIANS = (
    "SELECT MEDIAN(c) OVER () FROM t",
    "SELECT median(c) OVER (PARTITION BY b) AS m FROM t",
    "SELECT a, MEDIAN(c) OVER () FROM t WHERE a < 3 ORDER BY a LIMIT 1",
    "SELECT avg(c) OVER (ORDER BY a) FROM t",
)


def runs(database: Database, sql: str) -> bool:
    try:
        database.execute(sql)
    except QueryError:
        return False
    return True


def test_duckdb_pivots(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "t.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(TABLE)
        connection.execute(ROWS)
    with Database(f"duckdb:///{path}") as database:
        expected = {sql: runs(database, sql) for sql in PIVOTS}
        assert list(expected.values()) == [True] * 9 + [False] * 6
        for schema in (None, database.schema()):
            guard = Guard("duckdb", schema)
            verdicts = {sql: guard.check(sql) for sql in PIVOTS}
            assert {sql: verdict.allowed for sql, verdict in verdicts.items()} == expected
            assert all(runs(database, verdict.sql) for verdict in verdicts.values() if verdict.allowed)


def test_mariadb_medians(mariadb_database: Made) -> None:
    pymysql = pytest.importorskip("pymysql")
    url = urlsplit(mariadb_database.admin_url)
    where = {"host": url.hostname, "port": url.port, "user": url.username, "password": url.password}
    with closing(pymysql.connect(**where, database=url.path[1:], autocommit=True)) as admin, admin.cursor() as cursor:
        cursor.execute(TABLE)
        cursor.execute(ROWS)
    with Database(mariadb_database.reader_url) as database:
        for schema in (None, database.schema()):
            guard = Guard("mysql", schema)
            for sql in MEDIANS:
                verdict = guard.check(sql)
                assert runs(database, sql)
                assert verdict.allowed, verdict.reason
                assert runs(database, verdict.sql)
