"""A small database before and after a renaming, as files and as schemas."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ctxprune.sql.match.mapping import Part, SchemaMapping, TablePlace
from ctxprune.sql.match.result import Match, Matches
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table

if TYPE_CHECKING:
    from pathlib import Path

OLD_TABLES = """
CREATE TABLE customer (customer_id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, city TEXT, status TEXT);
CREATE TABLE orders (order_id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer(customer_id),
  amount REAL, order_date TEXT);
"""
NEW_TABLES = """
CREATE TABLE tbl_client (client_key INTEGER PRIMARY KEY, given_name TEXT, family_name TEXT, town TEXT, sts TEXT);
CREATE TABLE tbl_purchase (purchase_no INTEGER PRIMARY KEY, client_key INTEGER REFERENCES tbl_client(client_key),
  amt REAL, "order date" TEXT, source_system TEXT);
"""
NAMES = {
    ("customer", "customer_id"): ("tbl_client", "client_key"),
    ("customer", "first_name"): ("tbl_client", "given_name"),
    ("customer", "last_name"): ("tbl_client", "family_name"),
    ("customer", "city"): ("tbl_client", "town"),
    ("customer", "status"): ("tbl_client", "sts"),
    ("orders", "order_id"): ("tbl_purchase", "purchase_no"),
    ("orders", "customer_id"): ("tbl_purchase", "client_key"),
    ("orders", "amount"): ("tbl_purchase", "amt"),
    ("orders", "order_date"): ("tbl_purchase", "order date"),
}
FIRST = ("Ann", "Ben", "Cem", "Dora", "Eli", "Finn", "Gil", "Hana", "Ida", "Jon")
LAST = ("Abel", "Brand", "Costa", "Duarte", "Engel", "Fuchs", "Gomez", "Huber", "Ito", "Jansen")
CITIES = ("Porto", "Graz", "Łódź", "Oslo")


def customers() -> list[tuple[object, ...]]:
    return [(i, FIRST[i % 10], LAST[(3 * i) % 10], CITIES[i % 4], "AI"[i % 2]) for i in range(1, 31)]


def orders() -> list[tuple[object, ...]]:
    return [(100 + i, 1 + i % 30, round(3.5 * i + 0.25, 2), f"2024-0{1 + i % 9}-1{i % 10}") for i in range(60)]


def write(path: Path, tables: str, rows: dict[str, list[tuple[object, ...]]]) -> Path:
    base = sqlite3.connect(path)
    base.executescript(tables)
    for table, values in rows.items():
        base.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values[0]))})", values)
    base.commit()
    base.close()
    return path


def old_database(folder: Path) -> Path:
    return write(folder / "old.sqlite", OLD_TABLES, {"customer": customers(), "orders": orders()})


def new_database(folder: Path) -> Path:
    rows = {"tbl_client": customers(), "tbl_purchase": [(*row, "crm") for row in orders()]}
    return write(folder / "new.sqlite", NEW_TABLES, rows)


def rows_of(path: Path, sql: str) -> list[tuple[object, ...]]:
    base = sqlite3.connect(path)
    try:
        return base.execute(sql).fetchall()
    finally:
        base.close()


def old_schema() -> Schema:
    customer = Table("customer", _columns("customer_id first_name last_name city status"))
    order = Table("orders", _columns("order_id customer_id amount order_date"))
    return Schema("shop", (customer, order), (ForeignKey("orders", ("customer_id",), "customer", ("customer_id",)),))


def new_schema() -> Schema:
    client = Table("tbl_client", _columns("client_key given_name family_name town sts"))
    purchase = Table(
        "tbl_purchase", (*_columns("purchase_no client_key amt"), Column("order date", "TEXT"), Column("source_system"))
    )
    key = ForeignKey("tbl_purchase", ("client_key",), "tbl_client", ("client_key",))
    return Schema("shop", (client, purchase), (key,))


def _columns(names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "TEXT", primary_key=at == 0) for at, name in enumerate(names.split()))


def mapping_of(
    source: Schema,
    target: Schema,
    names: dict[tuple[str, str], tuple[str, str]],
    *,
    parts: dict[str, tuple[Part, ...]] | None = None,
    places: dict[str, str] | None = None,
) -> SchemaMapping:
    """A mapping made by hand, so that tests of rewriting do not depend on any weights."""
    matches = {
        ColumnRef(*old): Match(ColumnRef(*old), ColumnRef(*new), 0.99, 0.9, ("by hand",)) for old, new in names.items()
    }
    homes = {old.table: match.target.table for old, match in reversed(matches.items())} | (places or {})
    doubts = {ref: "nothing in the new schema matches it" for ref in source.refs() if ref not in matches}
    found = {
        table.name.casefold(): TablePlace(homes[table.name], (parts or {}).get(table.name, ()))
        if table.name in homes
        else TablePlace("", reason=f"too few columns of the table {table.name} have a sure match")
        for table in source.tables
    }
    every = Matches(tuple(matches.values()), tuple(source.refs()), tuple(target.refs()))
    return SchemaMapping(source, target, matches, doubts, found, every)
