"""Refusals of real queries: reference queries of BIRD, Spider and sql-eval under the guard, in every dialect.

    python benchmarks/stress/false_refusals.py

Each query is checked without a schema, with the schema of its database, and with that schema where tables may have
hidden columns. BIRD's queries come in SQLite's and PostgreSQL's dialects (mini-dev); other dialects are written by
sqlglot from SQLite's, as sql-eval's are, with the texts in double quotes that only SQLite takes for texts made texts.
A query with a function that sqlglot leaves in SQLite's form is counted apart: no other database has it. All refusals
are listed with their reason. Writes benchmarks/stress/false_refusals.json. Two minutes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from benchmarks.common.parts import fingerprint, say
from benchmarks.common.record import SHARED, record
from ctxprune.sql.database.database import Database
from ctxprune.sql.guard import Guard
from ctxprune.sql.schema.files import schemas_from_spider
from ctxprune.sql.schema.schema import Schema

HERE = Path(__file__).resolve().parent

MODES = ("open", "closed", "hidden")
OTHERS = ("postgres", "mysql", "duckdb")
SQLITE_ONLY = re.compile(r"\bjulianday\(", re.IGNORECASE)


class Query(NamedTuple):
    """A reference query: `written` where sqlglot wrote it from SQLite's dialect."""

    group: str
    dialect: str
    database: str
    sql: str
    written: bool = False


def main() -> None:
    folder = SHARED / "data" / "nl2sql"
    schemas = read_schemas(folder)
    everything = list(reference_queries(folder, schemas))
    queries = [query for query in everything if query.sql]
    groups, refusals = check_all(queries, schemas)
    figures = {
        "queries": len(queries),
        "not written by sqlglot": len(everything) - len(queries),
        "groups": groups,
        "refusals": refusals,
    }
    record("false_refusals", figures, seed=None, data={"queries": fingerprint(queries)}, folder=HERE)


def check_all(
    queries: list[Query], schemas: dict[str, Schema]
) -> tuple[dict[str, dict[str, int]], list[dict[str, str]]]:
    """Counts by group and dialect, and every refusal."""
    guards: dict[tuple[str, str, str], Guard] = {}
    groups: dict[str, dict[str, int]] = {}
    refusals = []
    for query in queries:
        counts = groups.setdefault(f"{query.group}, {query.dialect}", {"queries": 0, **dict.fromkeys(MODES, 0)})
        counts["queries"] += 1
        for mode in MODES:
            key = query.dialect, query.database, mode
            if key not in guards:
                guards[key] = make_guard(query.dialect, schemas[query.database], mode)
            verdict = guards[key].check(query.sql)
            if not verdict.allowed:
                counts[mode] += 1
                refusals.append({**query._asdict(), "mode": mode, "reason": verdict.reason})
    for name, counts in groups.items():
        say(f"{name}: {counts}")
    return groups, refusals


def make_guard(dialect: str, schema: Schema, mode: str) -> Guard:
    if mode == "open":
        return Guard(dialect)
    tables = tuple(replace(table, complete=mode == "closed") for table in schema.tables)
    return Guard(dialect, replace(schema, tables=tables, dialect=dialect))


def reference_queries(folder: Path, schemas: dict[str, Schema]) -> Iterator[Query]:
    """All of them; one that sqlglot cannot write has no text."""
    bird = folder / "bird_dev"
    for item in read(bird / "mini_dev_postgresql.json"):
        yield Query("mini-dev", "postgres", item["db_id"], item["SQL"])
    for item in read(bird / "mini_dev_sqlite.json"):
        yield from in_dialects("mini-dev", schemas[item["db_id"]], item["SQL"], ("mysql", "duckdb"))
    for item in read(bird / "dev.json"):
        yield Query("BIRD dev", "sqlite", item["db_id"], item["SQL"])
    for item in read(folder / "spider" / "dev.json"):
        yield from in_dialects("Spider dev", schemas[item["db_id"]], item["query"], OTHERS)
    for item in read(folder / "sqleval" / "items.json"):
        for sql in item["golds"]:
            yield from in_dialects("sql-eval", schemas[item["db_id"]], sql, OTHERS)


def in_dialects(group: str, schema: Schema, sql: str, dialects: tuple[str, ...]) -> Iterator[Query]:
    yield Query(group, "sqlite", schema.name, sql)
    for dialect in dialects:
        yield Query(group, dialect, schema.name, transpile(sql, dialect, schema), written=True)


def transpile(sql: str, dialect: str, schema: Schema) -> str:
    """The query in another dialect than SQLite's; "" where it keeps what only SQLite has."""
    known = {column.name.casefold() for table in schema.tables for column in table.columns}
    try:
        tree = sqlglot.parse_one(sql, read="sqlite")
        named = {alias.alias.casefold() for alias in tree.find_all(exp.Alias)}
        for column in list(tree.find_all(exp.Column)):
            quoted = column.this.args.get("quoted") and not column.table
            if quoted and column.name.casefold() not in known | named:
                column.replace(exp.Literal.string(column.name))
        text = tree.sql(dialect)
    except SqlglotError:
        return ""
    return "" if SQLITE_ONLY.search(text) else text


def read_schemas(folder: Path) -> dict[str, Schema]:
    schemas = schemas_from_spider(folder / "bird_dev" / "dev_tables.json")
    schemas |= schemas_from_spider(folder / "spider" / "tables.json")
    for path in sorted((folder / "sqleval" / "database").glob("*/*.sqlite")):
        with Database(str(path)) as database:
            schemas[path.stem] = replace(database.schema(), name=path.stem)
    return schemas


def read(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
