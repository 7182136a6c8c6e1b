"""Schemas of MariaDB and MySQL, from information_schema.

SQLAlchemy's Inspector reads SHOW CREATE TABLE instead, which a role that may only select some columns, or a view, is
refused, and in which new types such as VECTOR stop it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from ...schema.schema import Column, ForeignKey, Schema, Table

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MySqlReflection"]

_TABLES = """
    SELECT table_name, table_type = 'VIEW', table_rows, table_comment FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')
    ORDER BY 2, 1"""
_COLUMNS = """
    SELECT table_name, column_name, column_type, column_comment, is_nullable = 'YES' FROM information_schema.columns
    WHERE table_schema = DATABASE() AND FIND_IN_SET('select', privileges) AND LOCATE('INVISIBLE', extra) = 0
    ORDER BY table_name, ordinal_position"""
_KEYS = """
    SELECT table_name, constraint_name, column_name,
        CASE WHEN referenced_table_schema = DATABASE() THEN referenced_table_name END, referenced_column_name
    FROM information_schema.key_column_usage
    WHERE table_schema = DATABASE() AND (constraint_name = 'PRIMARY' OR referenced_table_name IS NOT NULL)
    ORDER BY table_name, constraint_name, ordinal_position"""


class MySqlReflection:
    """What the role may select in one database. Invisible columns are left out, as `SELECT *` does.

    Args:
        ask: Gives the rows of a query.

    Attributes:
        tables: Names of tables, then of views, each in order; True where it is a view.
        unreadable: Why a table or view can't be read, by name; filled by `table` and `schema`.
    """

    def __init__(self, ask: Callable[[str], list[tuple[Any, ...]]]) -> None:
        found = ask(_TABLES)
        self._known = {name: (rows, comment) for name, _is_view, rows, comment in found}
        self.tables = {name: bool(is_view) for name, is_view, _rows, _comment in found}
        self.unreadable: dict[str, str] = {}
        self._columns: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for table, *column in ask(_COLUMNS):
            self._columns[table].append(tuple(column))
        self._keys: dict[tuple[str, str], list[tuple[Any, ...]]] = defaultdict(list)
        for table, name, *pair in ask(_KEYS):
            self._keys[table, name].append(tuple(pair))

    def table(self, name: str) -> Table | None:
        """The table or view of exactly that name; None where the role may not read it."""
        rows, comment = self._known[name]
        if self.tables[name] and comment == "VIEW":
            rows, comment = None, ""
        if name not in self._columns:  # in place of a comment, the database says what is wrong with a view
            self.unreadable[name] = (self.tables[name] and comment) or "the role may not read it"
            return None
        primary = {column for column, _table, _column in self._keys.get((name, "PRIMARY"), ())}
        columns = tuple(
            Column(column, kind, note, primary_key=column in primary, nullable=bool(nullable))
            for column, kind, note, nullable in self._columns[name]
        )
        return Table(name, columns, comment, is_view=self.tables[name], rows=rows)

    def schema(self, name: str) -> Schema:
        """Everything that the role may read."""
        tables = tuple(table for table in map(self.table, self.tables) if table is not None)
        found = Schema(name, tables, (), "mysql")
        keys = (
            ForeignKey(table, tuple(p[0] for p in pairs), pairs[0][1] or "", tuple(p[2] for p in pairs))
            for (table, key), pairs in self._keys.items()
            if key != "PRIMARY"
        )
        return Schema(name, tables, tuple(key for key in keys if found.holds(key)), "mysql")
