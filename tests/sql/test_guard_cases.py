"""Attacks, ordinary queries and queries against a schema, one JSON line each: dialect, sql, allowed, why or out."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from servers.hostile import SHOP

from ctxprune.errors import GuardError
from ctxprune.sql.guard import DIALECTS, Guard, check
from ctxprune.sql.schema.schema import Column, Schema, Table

CASES = Path(__file__).parent / "guard_cases"
STAFF = {"emp": ("id", "name", "dept_id"), "dept": ("id", "title")}
VARYING = ("random", "now", "current_", "rand(", "uuid")


def cases(name: str) -> list[dict]:
    return [json.loads(line) for line in (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def schema(tables: dict[str, tuple[str, ...]], dialect: str, *, complete: bool = False) -> Schema:
    found = tuple(
        Table(name, tuple(Column(column) for column in columns), complete=complete) for name, columns in tables.items()
    )
    return Schema("shop", found, dialect=dialect)


def name_of(case: dict) -> str:
    return f"{case['dialect']}: {case['sql'][:60]!a}"


def test_the_lists_are_long_enough_and_cover_all_dialects():
    for name in ("attacks", "ordinary"):
        rows = cases(name)
        assert len({(row["dialect"], row["sql"]) for row in rows}) == len(rows) >= 350
        for dialect in DIALECTS:
            assert sum(row["dialect"] == dialect for row in rows) >= 75
        assert {row["allowed"] for row in rows} == {name == "ordinary"}


@pytest.mark.parametrize("case", cases("attacks"), ids=name_of)
def test_an_attack_is_refused_with_a_reason(case: dict):
    for visible in (None, schema(SHOP, case["dialect"])):
        guard = Guard(case["dialect"], visible)
        verdict = guard.check(case["sql"])
        assert not verdict.allowed, verdict.sql
        assert verdict.sql == ""
        assert 0 < len(verdict.reason) <= 160
        assert verdict.reason.isprintable()
    with pytest.raises(GuardError) as caught:
        guard.require(case["sql"])
    assert caught.value.what == verdict.reason


@pytest.mark.parametrize("case", cases("ordinary"), ids=name_of)
def test_an_ordinary_query_runs_as_a_text_that_is_a_fixed_point(case: dict):
    verdict = check(case["sql"], dialect=case["dialect"])
    assert verdict.allowed, verdict.reason
    assert verdict.reason == ""
    assert check(verdict.sql, dialect=case["dialect"]) == verdict
    assert ";" not in verdict.sql or "'" in verdict.sql


@pytest.mark.parametrize("case", [row for row in cases("ordinary") if row["why"] != "ordinary"], ids=name_of)
def test_an_ordinary_query_on_its_own_schema_is_no_false_alarm(case: dict):
    guard = Guard(case["dialect"], schema(SHOP, case["dialect"], complete=True))
    verdict = guard.check(case["sql"])
    assert verdict.allowed, verdict.reason
    assert guard.check(verdict.sql) == verdict


@pytest.mark.parametrize("case", cases("schema"), ids=name_of)
def test_a_schema_bounds_tables_and_columns(case: dict):
    verdict = Guard(case["dialect"], schema(STAFF, case["dialect"])).check(case["sql"])
    assert verdict.allowed is case["allowed"], verdict
    assert verdict.sql == case.get("out", "")
    assert verdict.reason == case.get("why", "")


@pytest.fixture(scope="module")
def shop():
    connection = sqlite3.connect(":memory:")
    with closing(connection):
        for table, columns in SHOP.items():
            typed = ", ".join(f"{c} INTEGER" if c in ("id", "score", "qty") else f"{c} NUMERIC" for c in columns)
            connection.execute(f"CREATE TABLE {table} ({typed})")
        connection.execute("CREATE INDEX idx_city ON customers(city)")
        profile = '{"tags": ["vip", "a"], "address": {"city": "P"}}'
        for i in range(7):
            city, country = ("Paris", "Rome", None)[i % 3], ("France", "Spain")[i % 2]
            row = (i, f"Ann{'abcxyzq'[i]}", f"a{i}@x", city, country, f"2024-0{i + 1}-03", None, profile, i or None)
            connection.execute("INSERT INTO customers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            order = (i, i % 3, ("paid", "open")[i % 2], i * 37.5, f"2024-0{i + 1}-15 10:00:00", None)
            connection.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?)", order)
            connection.execute("INSERT INTO items VALUES (?, ?, ?, ?, ?)", (i, i % 3, i, i, i * 1.5))
            connection.execute("INSERT INTO products VALUES (?, ?, ?, ?)", (i, "p", "c", i))
            boss = i - 1 if i else None
            employee = (i, f"Ann{'abcxyzq'[i]}", boss, "ab"[i % 2], i * 100, "2020-01-01")
            connection.execute("INSERT INTO employees VALUES (?, ?, ?, ?, ?, ?)", employee)
        yield connection


@pytest.mark.parametrize(
    "case", [row for row in cases("ordinary") if row["dialect"] == "sqlite" and row["why"] != "ordinary"], ids=name_of
)
def test_the_text_that_runs_gives_the_rows_of_the_original(shop: sqlite3.Connection, case: dict):
    try:
        before = shop.execute(case["sql"].rstrip("; ")).fetchall()
    except sqlite3.Error as error:
        pytest.skip(f"this SQLite does not run it: {error}")
    for visible in (None, schema(SHOP, "sqlite")):
        verdict = check(case["sql"], schema=visible)
        if verdict.allowed and not any(word in case["sql"].lower() for word in VARYING):
            assert shop.execute(verdict.sql).fetchall() == before
