"""Schemas of databases on a server, through SQLAlchemy's Inspector, all tables of a namespace at once."""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...schema.schema import Column, ForeignKey, Schema, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection

__all__ = ["Entry", "ServerReflection", "named", "quiet"]

_WARNINGS = threading.Lock()


@dataclass(frozen=True)
class Entry:
    """A table or view that the role may see.

    Attributes:
        namespace: "" for the default one.
        name: Without its namespace.
        is_view: Also a materialised one.
        types: Declared types of the columns that the role may read, by name in order; none where it may read nothing.
        rows: About how many there are; None if unknown.
    """

    namespace: str
    name: str
    is_view: bool
    types: dict[str, str]
    rows: int | None = None


class ServerReflection:
    """Reads a schema over one connection.

    Args:
        connection: Lasts as long as this.
        entries: What there is, the default namespace first.
        dialect: sqlglot's name.

    Attributes:
        tables: Names as in `Table.name`; True where it is a view.
        unreadable: Why one can't be read, by name.
    """

    def __init__(self, connection: Connection, entries: Sequence[Entry], dialect: str) -> None:
        import sqlalchemy

        self._inspector = sqlalchemy.inspect(connection)
        self._dialect = dialect
        self._entries = named(entries)
        self._names = {(entry.namespace, entry.name): name for name, entry in self._entries.items()}
        self.tables = {name: entry.is_view for name, entry in self._entries.items()}
        self.unreadable: dict[str, str] = {}

    def table(self, name: str) -> Table | None:
        """The table or view of exactly that name; None where the role may not read it."""
        entry = self._entries[name]
        return next(iter(self._tables(entry.namespace, [entry])), None)

    def schema(self, name: str) -> Schema:
        """Everything that the role may read."""
        spaces: dict[str, list[Entry]] = {}
        for entry in self._entries.values():
            spaces.setdefault(entry.namespace, []).append(entry)
        tables = [table for space, entries in spaces.items() for table in self._tables(space, entries)]
        found = Schema(name, tuple(tables), (), self._dialect)
        keys = [key for space, entries in spaces.items() for key in self._keys(space, entries, found)]
        return Schema(name, found.tables, tuple(dict.fromkeys(keys)), self._dialect)

    def _tables(self, namespace: str, entries: Sequence[Entry]) -> list[Table]:
        found = self._ask("columns", namespace, entries)
        keys = self._ask("pk_constraint", namespace, entries)
        comments = self._ask("table_comment", namespace, entries)
        tables = []
        for entry in entries:
            name = self._names[namespace, entry.name]
            if not entry.types:
                self.unreadable[name] = "the role may not read it"
                continue
            primary = set((keys.get(entry.name) or {}).get("constrained_columns") or ())
            columns = tuple(
                Column(
                    column["name"],
                    entry.types[column["name"]],
                    comment=column.get("comment") or "",
                    primary_key=column["name"] in primary,
                    nullable=bool(column["nullable"]),
                )
                for column in found.get(entry.name) or ()
                if column["name"] in entry.types
            )
            comment = (comments.get(entry.name) or {}).get("text") or ""
            whole = len(columns) == len(found.get(entry.name) or ())
            tables.append(Table(name, columns, comment, "", namespace, entry.is_view, entry.rows, whole))
        return tables

    def _keys(self, namespace: str, entries: Sequence[Entry], schema: Schema) -> Iterator[ForeignKey]:
        for table, keys in self._ask("foreign_keys", namespace, entries).items():
            for key in keys:
                there = self._names.get((key["referred_schema"] or "", key["referred_table"]), "")
                here = self._names[namespace, table]
                pair = ForeignKey(here, tuple(key["constrained_columns"]), there, tuple(key["referred_columns"]))
                if schema.holds(pair):  # both ends may be read
                    yield pair

    def _ask(self, what: str, namespace: str, entries: Sequence[Entry]) -> dict[str, Any]:
        """What the Inspector says of these tables, by bare name."""
        from sqlalchemy.engine.reflection import ObjectKind, ObjectScope

        names = [entry.name for entry in entries if entry.types]
        if not names:
            return {}
        ask = getattr(self._inspector, f"get_multi_{what}")  # four methods of SQLAlchemy with the same signature
        with quiet():
            found = ask(namespace or None, filter_names=names, kind=ObjectKind.ANY, scope=ObjectScope.ANY)
        return {name: entry for (_namespace, name), entry in found.items()}


def named(entries: Sequence[Entry]) -> dict[str, Entry]:
    """Entries by `Table.name`: the bare name, unless an earlier one outside its namespace has it."""
    found: dict[str, Entry] = {}
    spaces: dict[str, str] = {}
    for entry in entries:
        space = spaces.setdefault(entry.name.casefold(), entry.namespace)
        found[entry.name if space == entry.namespace else f"{entry.namespace}.{entry.name}"] = entry
    return found


@contextmanager
def quiet() -> Iterator[None]:
    """Without SQLAlchemy's warnings about types and keys that it can't parse: what it then gives is enough here."""
    from sqlalchemy.exc import SAWarning

    # filters of warnings are global to the process, so threads take turns
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        yield
