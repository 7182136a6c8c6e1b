"""Runs read-only DuckDB queries over one connection. A child with nothing but the `duckdb` package imports this too.

Several layers keep the database, its folder and the machine unchanged: the file is opened read only, access to anything
else is off, no extension is loaded or installed, nothing is spilled to disk, no variable of Python is looked up as a
table, all settings are locked, and nothing but one SELECT is run.

DuckDB checks for an interruption only between vectors, so that one heavy function can neither be stopped by it nor kept
within its memory limit (`repeat('x', 4000000000)` took 8 GB and ran on for minutes): a child process is ended and
limited from outside.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

from ._engine import FailureError, FileEngine
from .cells import cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any

    import duckdb

__all__ = ["Engine"]

_REST_SECONDS = 1.0  # a file that is open cannot be written by other processes
_FETCH = 1024  # rows
_SETTINGS: dict[str, str | bool | int] = {
    "allow_community_extensions": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "enable_external_access": False,
    "lock_configuration": True,
    "python_enable_replacements": False,
    "temp_directory": "",
    "threads": 1,  # sums of floats are the same every time, and one query takes one core
}


class Engine(FileEngine):
    """DuckDB's engine. Opening a file costs some 50 ms, so it stays open for a second after each query."""

    package = "duckdb"

    def __init__(self, path: str, memory: int, process: bool = False) -> None:
        super().__init__(path, memory, process)
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._file: tuple[int, ...] = ()
        self._alarm = _Alarm()
        with suppress(FailureError):  # the first query says so again
            self._connect()
        self._rest()

    def interrupt(self) -> None:
        """As `FileEngine.interrupt`."""
        connection = self._connection
        if connection is not None:
            connection.interrupt()

    def close(self) -> None:
        """As `FileEngine.close`."""
        self._alarm.end()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rest(self) -> None:
        self._alarm.set(time.monotonic() + _REST_SECONDS, self._disconnect)

    def _end_at(self, deadline: float) -> None:
        self._deadline = deadline
        self._alarm.set(deadline, self.interrupt)

    def answers(self, request: dict[str, Any]) -> Generator[list[Any], None, None]:
        """As `FileEngine.answers`."""
        import duckdb

        started = time.monotonic()
        self._end_at(started + request["seconds"])
        try:
            connection = self._connect()
            connection.execute(_only_select(connection, request["sql"]))
            columns = [entry[0] for entry in connection.description or ()]
            truncated = yield from self._rows(_fetched(connection), request)
        except (duckdb.Error, MemoryError, OverflowError, RuntimeError) as error:
            failure = _failure(error)
            if failure.kind == "database":
                self._disconnect()
            raise failure from error
        finally:
            self._rest()
        yield ["done", {"columns": columns, "truncated": truncated, "ms": (time.monotonic() - started) * 1000}]

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """The connection, a new one where another file has come into the place of the old one.

        Raises:
            FailureError: The file cannot be opened.
        """
        import duckdb

        try:
            status = os.stat(self._path)
            file = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
            if self._connection is None or file != self._file:
                self._disconnect()
                # connections of one process to one file share their settings: there the limit cannot be the query's
                memory = {"memory_limit": f"{self.memory}B"} if self._process else {}
                self._connection = duckdb.connect(self._path, read_only=True, config={**_SETTINGS, **memory})
                self._file = file
        except (duckdb.Error, OSError) as error:
            raise FailureError("database", _message(error)) from error
        return self._connection


class _Alarm:
    """Calls one function at one time, in a thread of its own."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._at = float("inf")
        self._call: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._ended = False

    def set(self, at: float, call: Callable[[], None]) -> None:
        """Forget what was set before (once this returns, its call is over or will not come), and call `call` then."""
        with self._changed:
            self._at, self._call = at, call
            self._changed.notify()
            if self._thread.ident is None:
                self._thread.start()

    def end(self) -> None:
        """Call nothing any more."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._ended:
                left = self._at - time.monotonic()
                if left > 0 or self._call is None:
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                else:
                    self._at = float("inf")
                    self._call()


def _only_select(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    import duckdb

    statements = connection.extract_statements(sql)
    with suppress(ValueError):  # a kind of statement that the package has no name for
        if len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT:
            return statements[0]
    raise FailureError("query", "not one SELECT statement: nothing else may run")


def _fetched(connection: duckdb.DuckDBPyConnection) -> Iterator[list[Any]]:
    while rows := connection.fetchmany(_FETCH):  # streamed: DuckDB computes no more than is asked for
        for row in rows:
            yield [cell(value) for value in row]


def _failure(error: Exception) -> FailureError:
    import duckdb

    kind = "query"
    if isinstance(error, FailureError):
        return error
    if isinstance(error, duckdb.InterruptException):
        kind = "timeout"
    elif isinstance(error, (MemoryError, duckdb.OutOfMemoryException)):
        kind = "limit"
    elif isinstance(error, (duckdb.IOException, duckdb.FatalException, duckdb.InternalException)):
        kind = "database"
    elif isinstance(error, OverflowError):
        return FailureError(kind, f"a value cannot be read; cast it to VARCHAR ({error})")
    return FailureError(kind, _message(error))


def _message(error: Exception) -> str:
    """What the database says, without its advice on settings that are locked here."""
    return str(error).partition("\n\nPossible solutions")[0].partition("\nDatabase is launched")[0] or "out of memory"
