"""Reflection through SQLAlchemy's Inspector: tables, views, keys, types and comments as `Table` and `ForeignKey`."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ctxprune.errors import DatabaseError

from ...schema.schema import Column, ForeignKey, Schema, Table
from ._sqlite_engine import uri
from .reflect import quiet
from .samples import quote_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy.engine import Connection

__all__ = ["Reflection", "reflection"]

_SECONDS = 120.0
_BUSY_SECONDS = 2.0
_SHADOW = re.compile(r"_(config|content|data|docsize|idx|segdir|segments|stat|node|parent|rowid)$")


@contextmanager
def reflection(
    path: str, immutable: bool, probe: Callable[[str], str], explain: Callable[[str, str], DatabaseError]
) -> Iterator[Reflection]:
    """Reads one unchanging state of a SQLite file through SQLAlchemy and creates nothing beside it.

    Args:
        path: Absolute path.
        immutable: Nobody writes now: open it without locks and without its write-ahead log.
        probe: Says why a view cannot be read, "" if it can. A view may stand for any amount of work, which SQLite does
            whenever it is asked for the view's columns, so it is tried where it can be stopped.
        explain: What a message of SQLite about the file (second argument) means.

    Raises:
        DatabaseError: The file cannot be opened, is locked or damaged.
    """
    import sqlalchemy
    from sqlalchemy.pool import NullPool

    until = time.monotonic() + _SECONDS

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(uri(path, immutable), uri=True, isolation_level=None, timeout=_BUSY_SECONDS)
        connection.set_progress_handler(lambda: time.monotonic() > until, 10_000)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        return connection

    engine = sqlalchemy.create_engine("sqlite://", creator=connect, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            for sql in ("PRAGMA query_only=ON", "PRAGMA trusted_schema=OFF", "BEGIN"):
                connection.exec_driver_sql(sql)
            yield Reflection(connection, probe)
    except sqlalchemy.exc.DBAPIError as error:
        raise explain(str(error.orig), path) from error
    except OSError as error:
        raise DatabaseError(f"the file cannot be read ({error.strerror})", where=path) from error
    finally:
        engine.dispose()


class Reflection:
    """Reads a schema over one connection.

    Attributes:
        tables: Names of tables, then of views, in database order; True where it is a view. Internal tables and the
            shadow tables of virtual tables are left out.
        unreadable: Why a table or view could not be read, by name; filled by `table`.
    """

    def __init__(self, connection: Connection, probe: Callable[[str], str]) -> None:
        import sqlalchemy

        self._connection, self._probe = connection, probe
        self._inspector = sqlalchemy.inspect(connection)
        names = self._inspector.get_table_names()
        hidden = self._shadows(names)
        self.tables = {name: False for name in names if name not in hidden}
        self.tables.update(dict.fromkeys(self._inspector.get_view_names(), True))
        self.unreadable: dict[str, str] = {}

    def table(self, name: str) -> Table | None:
        """The table or view of exactly that name; None where it cannot be read (a view on a missing table)."""
        import sqlalchemy

        if self.tables[name] and (why := self._probe(name)):
            self.unreadable[name] = why
            return None
        try:
            with quiet():
                columns = self._columns(name)
        except sqlalchemy.exc.NoSuchTableError:  # its name is no text that SQLite would find again
            self.unreadable[name] = "no such table"
            return None
        except sqlalchemy.exc.OperationalError as error:
            if "interrupted" in str(error.orig) or "locked" in str(error.orig):
                raise
            self.unreadable[name] = str(error.orig)
            return None
        return Table(name, columns, is_view=self.tables[name], complete=True)

    def schema(self, name: str) -> Schema:
        """Everything. Foreign keys to missing tables or columns are left out, since nothing can be joined over them."""
        tables = tuple(table for table in map(self.table, self.tables) if table is not None)
        found = Schema(name, tables)
        keys: list[ForeignKey] = []
        for table in tables:
            if not table.is_view:
                with quiet():
                    entries = self._inspector.get_foreign_keys(table.name)
                    keys += filter(None, (self._key(table, entry, found) for entry in entries))
        return Schema(name, tables, tuple(dict.fromkeys(keys)), self._inspector.dialect.name)

    def _key(self, table: Table, entry: Any, schema: Schema) -> ForeignKey | None:
        if entry["referred_table"] not in schema:
            return None
        there = schema.table(entry["referred_table"])
        columns, referred = entry["constrained_columns"], entry["referred_columns"]
        if not any(referred):  # the primary key, in its own order
            referred = [] if there.is_view else self._inspector.get_pk_constraint(there.name)["constrained_columns"]
        if len(columns) != len(referred) or not all(column in there for column in referred):
            return None
        return ForeignKey(
            table.name,
            tuple(table.column(column).name for column in columns),
            there.name,
            tuple(there.column(column).name for column in referred),
        )

    def _columns(self, name: str) -> tuple[Column, ...]:
        # SQLAlchemy maps a declared type to the nearest one it knows; people and models should see what was declared.
        pragma = self._connection.exec_driver_sql(f"PRAGMA main.table_xinfo({quote_name(name)})").all()
        declared = {row[1]: (row[2], row[5]) for row in pragma}
        single = sum(1 for row in pragma if row[5]) == 1
        columns = []
        for entry in self._inspector.get_columns(name):
            kind, primary = declared[entry["name"]]
            rowid = single and bool(primary) and kind.upper() == "INTEGER"
            columns.append(
                Column(
                    entry["name"],
                    kind,
                    comment=entry.get("comment") or "",
                    primary_key=bool(primary),
                    nullable=bool(entry["nullable"]) and not rowid,
                )
            )
        return tuple(columns)

    def _shadows(self, names: list[str]) -> set[str]:
        sql = "SELECT name FROM sqlite_master WHERE sql LIKE 'create virtual table%'"
        virtual = {row[0] for row in self._connection.exec_driver_sql(sql)}
        return {name for name in names if _SHADOW.search(name) and name.rpartition("_")[0] in virtual}
