"""A SQLite database copied to another one, so that one question can be asked of both."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

__all__ = ["copy_database"]

_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
_DAY, _MOMENT = r"\d{4}-\d\d-\d\d", r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?"
_LONGEST_KEY = 500
_BATCH = 2000


def copy_database(path: Path, url: str) -> None:
    """Copy all tables with their keys. A column gets the narrowest type that its declaration allows and all its values
    have: integer, double, date, timestamp, else text. A key that the rows break is left out.
    """
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as source:
        source.text_factory = lambda raw: raw.decode("utf-8", "replace").replace("\0", "")
        inspector = sa.inspect(sa.create_engine("sqlite://", creator=lambda: source, poolclass=sa.StaticPool))
        names = [name for name in inspector.get_table_names() if not name.startswith("sqlite_")]
        rows = {name: source.execute('SELECT * FROM "' + name.replace('"', '""') + '"').fetchall() for name in names}
        keys = [(name, _spelled(key, names)) for name in names for key in inspector.get_foreign_keys(name)]
        metadata = sa.MetaData()
        tables = {name: _declared(metadata, inspector, name, rows[name]) for name in names}
        _alike(keys, tables, rows)
    target = make_url(url)
    engine = sa.create_engine(
        target.set(drivername=_DRIVERS.get(target.drivername, target.drivername)), poolclass=sa.NullPool
    )
    with engine.begin() as there:
        metadata.create_all(there)
        for name, table in tables.items():
            filled = [_filled(table, row) for row in rows[name]]
            for start in range(0, len(filled), _BATCH):
                there.execute(table.insert(), filled[start : start + _BATCH])
        for name, key in keys:
            _add_key(there, tables[name], key, tables)
    engine.dispose()


def _declared(metadata: sa.MetaData, inspector: Any, name: str, rows: list[Any]) -> sa.Table:
    columns = inspector.get_columns(name)
    at = {column["name"]: number for number, column in enumerate(columns)}
    primary = inspector.get_pk_constraint(name)["constrained_columns"]
    keys = [tuple(row[at[column]] for column in primary) for row in rows]
    sound = len(set(keys)) == len(keys) and not any(None in key for key in keys)
    parts = [
        sa.Column(
            column["name"],
            _kind(str(column["type"]), [row[number] for row in rows if row[number] is not None]),
            primary_key=sound and column["name"] in primary,
            autoincrement=False,
        )
        for number, column in enumerate(columns)
    ]
    return sa.Table(name, metadata, *parts)


def _spelled(key: Any, names: list[str]) -> Any:
    """SQLite takes a name in any case."""
    there = key["referred_table"].casefold()
    return {**key, "referred_table": next((name for name in names if name.casefold() == there), there)}


def _alike(keys: list[Any], tables: dict[str, sa.Table], rows: dict[str, list[Any]]) -> None:
    """A column of digits that refers to numbers becomes one of numbers."""
    for name, key in keys:
        other = tables.get(key["referred_table"])
        for ours, theirs in zip(key["constrained_columns"], key["referred_columns"], strict=False):
            column = tables[name].columns[ours]
            at = tables[name].columns.keys().index(ours)
            cells = [str(row[at]) for row in rows[name] if row[at] is not None]
            numbers = other is not None and isinstance(getattr(other.columns.get(theirs), "type", None), sa.BigInteger)
            if numbers and all(map(str.isdecimal, cells)):
                column.type = sa.BigInteger()


def _kind(declared: str, values: list[Any]) -> Any:
    texts = [str(value) for value in values]
    if re.match("date|time", declared, re.IGNORECASE) and all(isinstance(value, str) for value in values):
        for pattern, read, kind in ((_DAY, date, sa.Date()), (_MOMENT, datetime, sa.DateTime())):
            with suppress(ValueError):
                if all(re.fullmatch(pattern, text) and read.fromisoformat(text) for text in texts):
                    return kind
    if re.search("char|text|clob", declared, re.IGNORECASE) or not all(
        isinstance(value, (int, float)) for value in values
    ):
        longest = max(map(len, texts), default=1)
        return sa.String(longest) if longest <= _LONGEST_KEY else sa.Text()
    whole = all(isinstance(value, int) and abs(value) < 2**63 for value in values)
    return sa.BigInteger() if whole else sa.Double()


def _filled(table: sa.Table, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column.name: _fit(column.type, cell) for column, cell in zip(table.columns, row, strict=True)}


def _fit(kind: Any, cell: Any) -> Any:
    if cell is None:
        return None
    if isinstance(kind, sa.Date):
        return date.fromisoformat(cell)
    if isinstance(kind, sa.DateTime):
        return datetime.fromisoformat(cell)
    return (
        cell.decode("utf-8", "replace")
        if isinstance(cell, bytes)
        else str(cell)
        if isinstance(kind, sa.String)
        else cell
    )


def _add_key(there: sa.Connection, table: sa.Table, key: Any, tables: dict[str, sa.Table]) -> None:
    other = tables.get(key["referred_table"])
    if other is None:
        return
    theirs = key["referred_columns"] or [column.name for column in other.primary_key.columns]
    if len(theirs) != len(key["constrained_columns"]) or not set(theirs) <= set(other.columns.keys()):
        return
    wanted = sa.ForeignKeyConstraint(key["constrained_columns"], [other.columns[name] for name in theirs])
    table.append_constraint(wanted)
    with suppress(sa.exc.DBAPIError), there.begin_nested():
        there.execute(sa.schema.AddConstraint(wanted))
