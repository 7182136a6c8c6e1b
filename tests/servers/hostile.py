"""Statements that must not run, and the databases that they, and replies of any size, are tried on."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sqlite3
from contextlib import closing
from pathlib import Path

from .victims import CASES, ENDLESS, cases

__all__ = ["ENDLESS", "SHOP", "WRITES", "attacks", "can_send", "hostile_texts", "make_shop", "make_wide", "snapshot"]

WRITES = re.compile(r"\s*(insert|update|delete|replace|create|drop|alter|pragma|attach|vacuum|begin)\b", re.IGNORECASE)
_LONGEST = 100_000  # characters of a statement that the tools take
SHOP = {
    "customers": ("id", "name", "email", "city", "country", "created_at", "tags", "profile", "score"),
    "orders": ("id", "customer_id", "status", "total", "ordered_at", "note"),
    "items": ("id", "order_id", "product_id", "qty", "price"),
    "products": ("id", "name", "category", "price"),
    "employees": ("id", "name", "manager_id", "dept", "salary", "hired_on"),
}


def attacks() -> list[str]:
    """The attacks on the guard, for the tables of `make_shop`: none may run, and none may be said to be allowed."""
    lines = (CASES.parent / "guard_cases" / "attacks.jsonl").read_text(encoding="utf-8").splitlines()
    return [case["sql"] for case in map(json.loads, lines) if case["dialect"] == "sqlite"]


def hostile_texts(path: Path) -> list[tuple[str, str]]:
    """(family, text) of what is thrown at the SQLite file itself, as far as a message can hold it."""
    found = cases("sqlite", {"DIR": str(path.parent), "DB": str(path)})
    return [(family, sql) for family, sql in found if can_send(sql)]


def can_send(sql: str) -> bool:
    """Whether a message can hold a statement: no lone surrogate, and no longer than the tools take."""
    return not re.search("[\ud800-\udfff]", sql) and len(sql) <= _LONGEST


def make_shop(path: Path) -> None:
    """The tables that the attacks name."""
    with closing(sqlite3.connect(path)) as connection:
        for table, columns in SHOP.items():
            connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", range(len(columns)))
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c REAL)")
        connection.execute("INSERT INTO t VALUES (1, 'one', 1.5)")
        connection.execute("CREATE VIEW v AS SELECT a, b FROM t")
        connection.commit()


def make_wide(path: Path) -> None:
    """A schema of 4,000 columns: 40 tables of 80 columns, most of them empty, and one of 800."""
    with closing(sqlite3.connect(path)) as connection:
        for table in range(40):
            kind, rows = ("TEXT", 20) if table < 4 else ("BLOB", 0)  # an index of values passes over blobs
            columns = ", ".join(f"customer_amount_{table}_{column} {kind}" for column in range(79))
            connection.execute(f"CREATE TABLE table_{table} (id INTEGER PRIMARY KEY, {columns})")
            values = [(row, *(f"value {row} {column}" for column in range(79))) for row in range(rows)]
            connection.executemany(f"INSERT INTO table_{table} VALUES ({', '.join('?' * 80)})", values)
        columns = ", ".join(f"measure_{column} REAL" for column in range(799))
        connection.execute(f"CREATE TABLE broad (id INTEGER PRIMARY KEY, {columns})")
        measures = [(row, *(row + column / 7 for column in range(799))) for row in range(300)]
        connection.executemany(f"INSERT INTO broad VALUES ({', '.join('?' * 800)})", measures)
        connection.commit()


def snapshot(path: Path) -> tuple[str, list[str]]:
    """What must be as before: the bytes of the file, and what stands beside it."""
    return hashlib.sha256(path.read_bytes()).hexdigest(), sorted(os.listdir(path.parent))
