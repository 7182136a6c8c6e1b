"""Whatever the guard lets through says nothing about columns and tables that the caller may not see.

Three databases differ in hidden columns and tables only. A query that is allowed must give the same rows on all of
them. The hidden columns stand between the visible ones; aliases, subqueries and CTEs bear their names.
"""

from __future__ import annotations

import random
import sqlite3

import pytest

from ctxprune.sql.guard import Guard
from ctxprune.sql.schema.schema import Column, Schema, Table

VISIBLE = {"emp": ("id", "name", "dept_id"), "dept": ("id", "title")}
GUARD = Guard("sqlite", Schema("x", tuple(Table(t, tuple(map(Column, cs))) for t, cs in VISIBLE.items())))
TABLES = (
    "CREATE TABLE emp (id INT, salary INT, name TEXT, code TEXT, dept_id INT)",
    "CREATE TABLE dept (budget INT, id INT, title TEXT, code TEXT)",
    "CREATE TABLE secret (id INT, salary INT)",
)
TRICKY = (
    "SELECT 1 AS salary FROM emp WHERE salary > 2",
    "SELECT id AS salary FROM emp GROUP BY salary",
    "SELECT 1 AS salary, count(*) FROM emp GROUP BY salary",
    "SELECT id + 1 AS salary FROM emp ORDER BY salary * 2, salary",
    "SELECT id + 1 AS salary, count(*) FROM emp GROUP BY id HAVING salary > 2",
    "SELECT id AS code FROM emp WHERE (SELECT count(*) FROM dept WHERE dept.id = emp.id) >= code ORDER BY code",
    "SELECT (SELECT salary FROM emp WHERE emp.id = 1) FROM (SELECT 5 AS salary) AS q",
    "SELECT (SELECT max(salary) FROM emp) FROM (SELECT 5 AS salary) AS q",
    "SELECT q.salary FROM (SELECT 5 AS salary) AS q WHERE EXISTS (SELECT 1 FROM emp WHERE salary > 4)",
    "SELECT x.id FROM (SELECT id, 2 AS budget FROM emp) AS x WHERE x.id IN (SELECT id FROM dept WHERE budget > 1)",
    "SELECT q.salary FROM emp JOIN dept ON salary = 5 JOIN (SELECT 5 AS salary) AS q ON 1 = 1",
    "SELECT * FROM emp NATURAL JOIN dept",
    "SELECT count(*) FROM emp NATURAL JOIN dept",
    "SELECT * FROM emp JOIN dept USING (id)",
    "SELECT * FROM emp, dept ORDER BY 1, 2, 3, 4, 5",
    "SELECT * FROM (SELECT * FROM emp UNION SELECT *, 1 FROM dept)",
    "WITH secret AS (SELECT id, 1 AS salary FROM emp) SELECT * FROM secret",
    "WITH emp AS (SELECT 1 AS salary) SELECT salary FROM emp",
    "WITH RECURSIVE secret(id, salary) AS (SELECT 1, 2 UNION ALL SELECT id + 1, 3 FROM secret WHERE id < 3)"
    " SELECT * FROM secret",
    "SELECT e.* FROM emp AS e WHERE e.id > (SELECT avg(id) FROM emp WHERE name = e.name)",
    "SELECT count(*) FROM emp WHERE name = \"salary\"",
    "SELECT row_number() OVER (ORDER BY id) AS salary FROM emp ORDER BY salary",
)  # fmt: skip


@pytest.fixture(scope="module")
def databases():
    connections = []
    for seed in (1, 2, 3):
        hidden, seen = random.Random(seed), random.Random(0)
        connection = sqlite3.connect(":memory:")
        connections.append(connection)
        for statement in TABLES:
            connection.execute(statement)
        for i in range(6):
            row = (i, hidden.randint(0, 5), seen.choice("abc"), hidden.choice("abcxyz"), i % 3)
            connection.execute("INSERT INTO emp VALUES (?, ?, ?, ?, ?)", row)
        for i in range(3):
            row = (hidden.randint(0, 5), i, seen.choice("pqr"), hidden.choice("abcxyz"))
            connection.execute("INSERT INTO dept VALUES (?, ?, ?, ?)", row)
        for _ in range(seed):
            connection.execute("INSERT INTO secret VALUES (?, ?)", (hidden.randint(0, 3), hidden.randint(0, 5)))
    yield connections
    for connection in connections:
        connection.close()


def rows(connection: sqlite3.Connection, sql: str) -> object:
    steps = iter(range(200))
    connection.set_progress_handler(lambda: int(next(steps, None) is None), 5000)
    try:
        return sorted(map(repr, connection.execute(sql).fetchmany(300)))
    except sqlite3.Error as error:
        return type(error).__name__


@pytest.mark.parametrize("sql", TRICKY)
def test_hidden_data_do_not_show(databases: list[sqlite3.Connection], sql: str):
    verdict = GUARD.check(sql)
    if verdict.allowed:
        answers = [rows(connection, verdict.sql) for connection in databases]
        assert answers[0] == answers[1] == answers[2], verdict.sql
    else:
        assert "not in the schema" in verdict.reason


def test_the_databases_do_differ(databases: list[sqlite3.Connection]):
    leaks = [sql for sql in TRICKY if len({str(rows(connection, sql)) for connection in databases}) > 1]
    assert len(leaks) >= 10


class Writer:
    """Random SELECTs, mostly on visible names, now and then on hidden ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self, *options: str) -> str:
        return self.random.choice(options)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def name(self) -> str:
        hidden = self.one("salary", "code", "budget", "dept_id", "title", "x", "total", "emp", "e")
        plain = hidden if self.chance(0.25) else self.one("id", "id", "name")
        return f'"{plain}"' if self.chance(0.06) else plain

    def expression(self, depth: int, aliases: list[str]) -> str:
        kind = self.random.random()
        if kind < 0.5:
            return f"{self.one(*aliases)}.{self.name()}" if self.chance(0.5) else self.name()
        if kind < 0.62:
            return self.one("1", "2", "count(*)", "NULL")
        if kind < 0.72:
            return f"{self.one('max', 'min', 'sum')}({self.expression(0, aliases)})"
        if kind < 0.85:
            operator = self.one("+", "=", "<", "||")
            return f"{self.expression(0, aliases)} {operator} {self.expression(0, aliases)}"
        if depth == 0:
            return "id"
        inner = self.query(depth - 1, 1)
        return self.one(f"({inner})", f"EXISTS ({inner})", f"{self.expression(0, aliases)} IN ({inner})")

    def source(self, depth: int) -> tuple[str, str]:
        alias = self.one("e", "d", "x", "emp", "salary")
        if depth and self.chance(0.2):
            return f"({self.query(depth - 1)}) AS {alias}", alias
        table = "secret" if self.chance(0.04) else self.one("emp", "dept")
        return (f"{table} AS {alias}", alias) if self.chance(0.6) else (table, table)

    def query(self, depth: int, width: int = 0) -> str:
        text, alias = self.source(depth)
        aliases = [alias]
        for _ in range(self.random.choice((0, 0, 1, 1, 2))):
            more, alias = self.source(depth)
            aliases.append(alias)
            condition = f"{self.expression(0, aliases)} = {self.expression(0, aliases)}"
            text += self.one(
                f" JOIN {more} ON {condition}", f" NATURAL JOIN {more}", f" LEFT JOIN {more} USING (id)", f", {more}"
            )
        items = []
        for _ in range(width or self.random.randint(1, 3)):
            if not width and self.chance(0.25):
                items.append(self.one("*", f"{self.one(*aliases)}.*"))
                continue
            alias = f" AS {self.one('x', 'total', 'salary', 'code', 'id')}" if self.chance(0.4) else ""
            items.append(self.expression(depth, aliases) + alias)
        out = f"SELECT {', '.join(items)} FROM {text}"
        if self.chance(0.3):
            out += f" WHERE {self.expression(depth, aliases)} > {self.expression(0, aliases)}"
        if self.chance(0.25):
            out += f" GROUP BY {self.expression(0, aliases)}"
        return out

    def statement(self) -> str:
        text = self.query(self.random.choice((0, 1, 1, 2)))
        if self.chance(0.15):
            return f"{text} UNION {self.query(0)} ORDER BY {self.one('salary', '1', 'id')}"
        if self.chance(0.3):
            name = self.one("secret", "emp", "c")
            return f"WITH {name}{self.one('', '(id, salary)')} AS ({self.query(1)}) {text}"
        return f"{text} ORDER BY {self.name()}" if self.chance(0.3) else text


@pytest.mark.parametrize(("seed", "count"), [(5, 1500), pytest.param(5, 5000, marks=pytest.mark.long)])
def test_random_queries_do_not_show_hidden_data(databases: list[sqlite3.Connection], seed: int, count: int):
    writer, ran = Writer(seed), 0
    for _ in range(count):
        sql = writer.statement()
        verdict = GUARD.check(sql)
        if not verdict.allowed:
            continue
        answers = [rows(connection, verdict.sql) for connection in databases]
        assert answers[0] == answers[1] == answers[2], (sql, verdict.sql)
        ran += isinstance(answers[0], list)
    assert ran > count // 20
