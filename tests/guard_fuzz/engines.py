"""The two databases of each engine, and how a text runs on them."""

from __future__ import annotations

import re
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from .tables import DATABASE, SIDES, script

__all__ = ["ENGINES", "Answer", "Pair"]

Answer = tuple[str, object]
"""("rows", sorted rows), ("error", text) or ("limit", "")."""
_MADE_NAME = re.compile(r"\btest_[0-9a-f]{1,8}")
"""What a server's database is called, also where an error text is cut off in the middle of the name."""
SECONDS = 2.0
MOST_ROWS = 3000


class Pair(ABC):
    """Two databases that differ in hidden data.

    Args:
        connections: One a side.
        names: What the server calls them; statements call them `DATABASE`.
    """

    limits: tuple[str, ...] = ()
    """Parts of error texts that say that a limit was reached, which depends on the machine."""

    def __init__(self, connections: list[Any], names: list[str]) -> None:
        self.connections = connections
        self._names = names

    def ask(self, sql: str) -> tuple[Answer, Answer]:
        """The answers of both."""
        first, second = (self._answer(side, sql) for side in range(len(SIDES)))
        return first, second

    def _answer(self, side: int, sql: str) -> Answer:
        name = self._names[side]
        try:
            rows = self.fetch(self.connections[side], sql.replace(DATABASE, name))
        except Exception as error:  # noqa: BLE001  (each library has errors of its own)
            text = _MADE_NAME.sub(DATABASE, self.tell(error)).replace(name, DATABASE)
            return ("limit", "") if any(mark in text for mark in self.limits) else ("error", text)
        if len(rows) > MOST_ROWS:
            return "limit", ""
        return "rows", sorted(repr(row).replace(name, DATABASE) for row in rows)  # a name may be an alias, too

    def tell(self, error: Exception) -> str:
        """What the error says, without the excerpt of the statement that it stands at."""
        return str(error).partition("\nLINE 1:")[0]

    @abstractmethod
    def fetch(self, connection: Any, sql: str) -> list[Any]:
        """At most MOST_ROWS + 1 rows, within SECONDS; raises whatever the library raises."""


class _SQLite(Pair):
    limits = ("interrupted",)

    def fetch(self, connection: sqlite3.Connection, sql: str) -> list[Any]:
        steps = iter(range(400))
        connection.set_progress_handler(lambda: int(next(steps, None) is None), 10_000)
        return connection.execute(sql).fetchmany(MOST_ROWS + 1)


class _DuckDB(Pair):
    """With and without the older lambda syntax, where the arrow is in the text: `x -> x + 1` is one or the other."""

    limits = ("INTERRUPT", "nterrupted", "Out of Memory", "INTERNAL Error", "FATAL Error")

    def ask(self, sql: str) -> tuple[Answer, Answer]:
        found = super().ask(sql)
        if "->" not in sql or found[0] != found[1]:
            return found
        self._arrow("ENABLE_SINGLE_ARROW")
        other = super().ask(sql)
        self._arrow("DEFAULT")
        return other if other[0][0] == "rows" or other[0] != other[1] else found

    def _arrow(self, setting: str) -> None:
        for connection in self.connections:
            connection.execute(f"SET lambda_syntax = '{setting}'")

    def fetch(self, connection: Any, sql: str) -> list[Any]:
        timer = Timer(SECONDS, connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            found = connection.execute(sql).fetchmany(MOST_ROWS + 1)
        except Exception as error:
            if "FATAL Error" in str(error):  # a fault of DuckDB, after which the database can only be opened again
                self._reopen(connection)
            raise
        finally:
            timer.cancel()
        return list(found)

    def _reopen(self, broken: Any) -> None:
        side = self.connections.index(broken)
        broken.close()
        self.connections[side] = _open_duckdb(SIDES[side])


class _Postgres(Pair):
    limits = ("statement timeout", "temporary file size", "stack depth limit")

    def tell(self, error: Exception) -> str:
        diagnosis = getattr(error, "diag", None)
        if diagnosis is None:
            return str(error)
        more = (diagnosis.message_detail, diagnosis.message_hint)
        return " ".join([str(diagnosis.message_primary), *(f"({text})" for text in more if text)])

    def fetch(self, connection: Any, sql: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchmany(MOST_ROWS + 1))


class _MariaDB(Pair):
    limits = ("max_statement_time", "Query execution was interrupted")

    def fetch(self, connection: Any, sql: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchmany(MOST_ROWS + 1))


@contextmanager
def _sqlite() -> Iterator[Pair]:
    with ExitStack() as stack:
        connections = [stack.enter_context(closing(sqlite3.connect(":memory:"))) for _ in SIDES]
        for side, connection in zip(SIDES, connections, strict=True):
            connection.executescript(";".join(script("sqlite", side)))
        yield _SQLite(connections, [DATABASE] * 2)


@contextmanager
def _duckdb() -> Iterator[Pair]:
    pair = _DuckDB([_open_duckdb(side) for side in SIDES], ["memory"] * 2)
    try:
        yield pair
    finally:
        for connection in pair.connections:
            connection.close()


def _open_duckdb(side: str) -> Any:
    import duckdb

    connection = duckdb.connect(config={"threads": 1})
    for statement in ("SET memory_limit = '512MB'", "SET enable_external_access = false", *script("duckdb", side)):
        connection.execute(statement)
    return connection


@contextmanager
def _postgres() -> Iterator[Pair]:
    import psycopg
    from servers import Postgres

    with ExitStack() as stack:
        server = stack.enter_context(Postgres())
        connections, names = [], []
        for side in SIDES:
            database = stack.enter_context(server.database())
            with psycopg.connect(database.admin_url, autocommit=True) as admin:
                for statement in script("postgres", side):
                    admin.execute(statement.encode())
            connection = stack.enter_context(
                closing(psycopg.connect(database.reader_url, autocommit=True, prepare_threshold=None))
            )
            connection.execute(f"SET statement_timeout = {int(1000 * SECONDS)}".encode())
            connection.execute(b"SET jit = off")
            connections.append(connection)
            names.append(database.name)
        yield _Postgres(connections, names)


@contextmanager
def _mariadb() -> Iterator[Pair]:
    from servers import MariaDB

    with ExitStack() as stack:
        server = stack.enter_context(MariaDB())
        connections, names = [], []
        for side in SIDES:
            database = stack.enter_context(server.database())
            with closing(_connect(database.admin_url)) as admin, admin.cursor() as cursor:
                for statement in script("mysql", side):
                    cursor.execute(statement)
            connection = stack.enter_context(closing(_connect(database.reader_url)))
            with connection.cursor() as cursor:
                cursor.execute(f"SET max_statement_time = {SECONDS}")
            connections.append(connection)
            names.append(database.name)
        yield _MariaDB(connections, names)


def _connect(url: str) -> Any:
    import pymysql

    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 0,
        user=parts.username,
        password=parts.password or "",
        database=parts.path[1:],
        autocommit=True,
    )


ENGINES: dict[str, Callable[[], AbstractContextManager[Pair]]] = {
    "sqlite": _sqlite,
    "duckdb": _duckdb,
    "postgres": _postgres,
    "mysql": _mariadb,
}
"""By sqlglot's name of the dialect; those of servers raise MissingServerError where it is not installed."""
