"""GROUP BY a primary key of a table that is fenced: PostgreSQL says whether the text that is written is right."""

from __future__ import annotations

from contextlib import closing

import pytest

from ctxprune.errors import QueryError
from ctxprune.sql import Database
from ctxprune.sql.guard import Guard
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table

MADE = """
CREATE TABLE dept (id int PRIMARY KEY, title text, info json, budget int);
CREATE TABLE emp (id int, at int, name text, dept_id int, salary int, PRIMARY KEY (id, at));
INSERT INTO dept VALUES (1, 'IT', '{}', 5), (2, 'Ops', NULL, 6), (3, 'IT', '{}', 7);
INSERT INTO emp VALUES (1, 1, 'Ann', 1, 9), (2, 1, 'Bob', 1, 8), (3, 1, 'Cid', 2, 7);
"""
HIDDEN = {("dept", "budget"), ("emp", "salary")}
RIGHT = (
    "SELECT d.title, (SELECT count(*) FROM emp AS e WHERE e.dept_id = d.id) FROM dept AS d GROUP BY d.id",
    "SELECT title, count(n) FROM dept LEFT JOIN (SELECT dept_id AS n FROM emp) AS q ON n = id GROUP BY id ORDER BY 1",
    "WITH q AS (SELECT dept_id FROM emp) SELECT d.title, count(*) FROM dept d JOIN q ON q.dept_id = d.id GROUP BY d.id",
    "WITH q AS (SELECT 1 AS n) SELECT d.title, d.id FROM dept d, q GROUP BY 2 HAVING d.title > 'A' ORDER BY d.title",
    "SELECT d.id, count(d.info), (SELECT 1) FROM dept AS d GROUP BY d.id",
    "SELECT e.name, e.dept_id, (SELECT 1) FROM emp AS e GROUP BY e.at, e.id",
    "SELECT e.name, d.title, (SELECT 1) FROM emp AS e JOIN dept AS d ON d.id = e.dept_id GROUP BY e.at, (e.id), d.id",
    "SELECT e.*, (SELECT 1) FROM emp AS e GROUP BY e.id, e.at",
    "SELECT d.title, (SELECT 1) FROM dept AS d GROUP BY d.title",
)
WRONG = (
    "SELECT e.name, (SELECT 1) FROM emp AS e GROUP BY e.id",
    "SELECT d.title, (SELECT 1) FROM dept AS d JOIN emp AS e ON e.dept_id = d.id GROUP BY e.id, e.at",
    "SELECT d.title, (SELECT 1) FROM dept AS d GROUP BY ROLLUP (d.id)",
)


def test_the_columns_that_are_read_beside_a_key_are_grouped() -> None:
    columns = (Column("id", "integer", primary_key=True), Column("title", "text"), Column("note", "json[]"))
    guard = Guard("postgres", Schema("s", (Table("dept", columns),), dialect="postgres"))
    fence = 'FROM (SELECT "id", "title", "note" FROM dept) AS d'
    text = "SELECT d.title, count(d.note), (SELECT 1) FROM dept AS d GROUP BY d.id"
    written = f'SELECT d.title, count(d.note), (SELECT 1) {fence} GROUP BY d.id, d."title"'
    assert guard.require(text) == written
    assert guard.require(written) == written
    for same in ("GROUP BY d.title", "GROUP BY lower(d.title), d.id + 1", "GROUP BY ROLLUP (d.id)"):
        assert guard.require(f"SELECT d.title, (SELECT 1) FROM dept AS d {same}").endswith(same)


def test_no_more_names_are_written_than_a_statement_may_have() -> None:
    columns = (Column("id", "integer", primary_key=True), *(Column(f"c{i}", "text") for i in range(4_000)))
    guard = Guard("postgres", Schema("s", (Table("wide", columns),), dialect="postgres"))
    assert guard.check("SELECT w.c1, (SELECT 1) FROM wide AS w GROUP BY w.id").allowed
    verdict = guard.check("SELECT w.*, (SELECT 1) FROM wide AS w, wide AS x, wide AS y GROUP BY w.id")
    assert verdict.reason == "the statement grows too long when its names are written out"


@pytest.mark.parametrize("wrong", [False, True])
def test_postgresql_takes_what_it_took_before_and_no_more(postgres_database, wrong: bool) -> None:
    psycopg = pytest.importorskip("psycopg")
    with closing(psycopg.connect(postgres_database.admin_url, autocommit=True)) as admin:
        admin.execute(MADE)
    with Database(postgres_database.reader_url) as database:
        full = database.schema()
        seen = full.subset([ColumnRef(*ref) for ref in full.refs() if tuple(ref) not in HIDDEN])
        guard = Guard("postgres", seen)
        for sql in WRONG if wrong else RIGHT:
            text = guard.require(sql)
            if wrong:
                with pytest.raises(QueryError, match="must appear in the GROUP BY clause"):
                    database.execute(text)
            elif ".*" in sql:
                assert len(database.execute(text).columns) == 5
            else:
                assert sorted(database.execute(text).rows) == sorted(database.execute(sql).rows)
