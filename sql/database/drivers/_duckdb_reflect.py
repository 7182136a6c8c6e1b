"""Schemas of DuckDB files, from the functions that list DuckDB's catalogue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...schema.schema import Column, ForeignKey, Schema, Table
from .reflect import Entry, named
from .samples import quote_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["DuckdbReflection"]

_HERE = "database_name = current_database() AND NOT internal"
_TABLES = f"""
    SELECT schema_name, table_name, comment, FALSE AS is_view, estimated_size, table_oid AS place
    FROM duckdb_tables() WHERE {_HERE}
    UNION ALL SELECT schema_name, view_name, comment, TRUE, NULL, view_oid FROM duckdb_views() WHERE {_HERE}
    ORDER BY schema_name <> 'main', schema_name, is_view, place"""  # noqa: S608
_COLUMNS = f"""
    SELECT schema_name, table_name, column_name, data_type, comment, is_nullable
    FROM duckdb_columns() WHERE {_HERE} ORDER BY table_oid, column_index"""  # noqa: S608
_KEYS = """
    SELECT schema_name, table_name, constraint_type, constraint_column_names, referenced_table, referenced_column_names
    FROM duckdb_constraints()
    WHERE database_name = current_database() AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')
    ORDER BY table_oid, constraint_index"""
_LONGEST_TYPE = 200  # characters; an ENUM lists its values


class DuckdbReflection:
    """The schema at this moment.

    Args:
        ask: Rows of a query.
        probe: Why a view, named as in FROM, cannot be read; "" if it can.

    Attributes:
        tables: Names as in `Table.name`; True where it is a view.
        unreadable: Why one cannot be read, by name.
    """

    def __init__(self, ask: Callable[[str], Sequence[Any]], probe: Callable[[str], str]) -> None:
        self._probe = probe
        self._columns: dict[tuple[str, str], list[Any]] = {}
        self._keys: dict[tuple[str, str], list[Any]] = {}
        for space, table, *column in ask(_COLUMNS):
            self._columns.setdefault((space, table), []).append(column)
        for space, table, *key in ask(_KEYS):
            self._keys.setdefault((space, table), []).append(key)
        rows = ask(_TABLES)
        self._comments = {(space, name): comment or "" for space, name, comment, *_rest in rows}
        self._entries = named(
            [Entry(_namespace(space), name, bool(view), {}, rows) for space, name, _comment, view, rows, _place in rows]
        )
        self.tables = {name: entry.is_view for name, entry in self._entries.items()}
        self.unreadable: dict[str, str] = {}

    def table(self, name: str) -> Table | None:
        """As `Reflection.table`."""
        entry = self._entries[name]
        space = entry.namespace or "main"
        if entry.is_view and (why := self._probe(f"{quote_name(space)}.{quote_name(entry.name)}")):
            self.unreadable[name] = why
            return None
        place = space, entry.name
        keys = self._keys.get(place, ())
        primary = {column for kind, columns, *_there in keys if kind == "PRIMARY KEY" for column in json.loads(columns)}
        columns = tuple(
            Column(column, _type(kind), comment=comment or "", primary_key=column in primary, nullable=bool(nullable))
            for column, kind, comment, nullable in self._columns.get(place, ())
        )
        return Table(name, columns, self._comments[place], "", entry.namespace, entry.is_view, entry.rows, True)

    def schema(self, name: str) -> Schema:
        """As `Reflection.schema`."""
        tables = tuple(table for table in map(self.table, self._entries) if table is not None)
        found = Schema(name, tables, (), "duckdb")
        names = {(entry.namespace or "main", entry.name): name for name, entry in self._entries.items()}
        keys = []
        for (space, table), entries in self._keys.items():
            for kind, columns, ref_table, ref_columns in entries:
                if kind == "FOREIGN KEY":  # which cannot lead into another namespace
                    here, there = names[space, table], names[space, ref_table]
                    keys.append(ForeignKey(here, tuple(json.loads(columns)), there, tuple(json.loads(ref_columns))))
        return Schema(name, found.tables, tuple(key for key in keys if found.holds(key)), "duckdb")


def _namespace(space: str) -> str:
    return "" if space == "main" else space


def _type(declared: str) -> str:
    """The type; where an ENUM lists very many values, without those at the end."""
    return declared if len(declared) <= _LONGEST_TYPE else declared[:_LONGEST_TYPE] + "…"
