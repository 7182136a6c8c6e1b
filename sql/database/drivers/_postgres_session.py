"""One connection to PostgreSQL, over libpq's extended protocol."""

from __future__ import annotations

from contextlib import suppress
from math import ceil, isnan
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import pq
from psycopg.generators import fetch, send

from .cells import computed, decimal, text
from .session import Session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg.pq.abc import PGresult

    from ..limits import Limits

__all__ = ["PostgresSession"]

_STREAM_REST = 600_000  # milliseconds that the reader of a stream may rest between two batches
_GOOD = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.SINGLE_TUPLE, pq.ExecStatus.TUPLES_OK})
_NUMERIC = 1700


class PostgresSession(Session):
    """A query is a cursor declared for it: DECLARE takes nothing but one query that writes nothing.

    Everything is set for the transaction only, and DISCARD ALL clears what outlives one, such as advisory locks.

    Args:
        connection: In autocommit mode.
    """

    connection: psycopg.Connection[Any]

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        super().__init__(connection)
        self._pg = connection.pgconn
        self._readers: list[Callable[[bytes], Any]] = []
        self._bounds_files: bool | None = None  # not known before the first transaction

    def begin(self, limits: Limits, stream: bool) -> None:
        """As `Session.begin`."""
        limit = ceil(limits.seconds * 1000)
        settings = {
            "statement_timeout": limit,
            "lock_timeout": min(limit, 2000),
            "idle_in_transaction_session_timeout": _STREAM_REST if stream else limit + 5000,
            "cursor_tuple_fraction": 1,  # plan for all rows
            "search_path": "public, pg_temp",
            "standard_conforming_strings": "on",  # a backslash escapes nothing, as the guard reads it
            "bytea_output": "hex",
            "datestyle": "ISO",
            "intervalstyle": "iso_8601",
        }
        if self._bounds_files is None:
            self._bounds_files = self._may_bound_files()
        if self._bounds_files:
            settings["temp_file_limit"] = limits.memory // 1024
        local = "".join(f"; SET LOCAL {name} = {value}" for name, value in settings.items())
        self._command(f"BEGIN READ ONLY{local}")

    def _may_bound_files(self) -> bool:
        try:
            self._command("SELECT set_config('temp_file_limit', current_setting('temp_file_limit'), false)")
        except psycopg.errors.InsufficientPrivilege:
            return False
        return True

    def start(self, sql: str) -> None:
        """As `Session.start`."""
        if "\0" in sql:  # the text would end there
            raise psycopg.DataError("the statement holds a NUL character")
        try:
            text = sql.encode()
        except UnicodeEncodeError as error:
            raise psycopg.DataError("the statement is no valid Unicode text") from error
        self._readers = []
        for _result in self._results(b"DECLARE ctxprune NO SCROLL CURSOR FOR " + text):
            pass

    def fetch(self, n: int) -> Iterator[tuple[Any, ...]]:
        """As `Session.fetch`."""
        columns: range | None = None
        for result in self._results(b"FETCH FORWARD %d FROM ctxprune" % n):
            if columns is None:
                columns = range(result.nfields)
                self.columns = tuple((result.fname(i) or b"").decode("utf-8", "replace") for i in columns)
                self._readers = [_reader(result, i) for i in columns]
            for row in range(result.ntuples):  # one, and none in the last result
                cells = [result.get_value(row, i) for i in columns]
                yield tuple(
                    None if cell is None else read(cell) for cell, read in zip(cells, self._readers, strict=True)
                )

    def end(self) -> None:
        """As `Session.end`."""
        self._command("ROLLBACK")
        self._command("DISCARD ALL")

    def _command(self, sql: str) -> None:
        self.resting = False
        self.connection.execute(sql.encode())
        self.resting = True

    def _results(self, sql: bytes) -> Iterator[PGresult]:
        """Results of one statement, row by row; a message of the extended protocol holds no second statement."""
        self.resting = False
        self._pg.send_query_params(sql, None)
        self._pg.set_single_row_mode()
        self.connection.wait(send(self._pg))
        while (result := self._result()) is not None:
            if result.status not in _GOOD:
                while self._result() is not None:
                    pass
                self.resting = True
                raise psycopg.errors.error_from_result(result)
            yield result
        self.resting = True

    def _result(self) -> PGresult | None:
        if self._pg.is_busy():
            waited: PGresult | None = self.connection.wait(fetch(self._pg))
            return waited
        return self._pg.get_result()

    @property
    def lost(self) -> bool:
        """As `Session.lost`."""
        return self._pg.status != pq.ConnStatus.OK

    def cancel(self) -> None:
        """As `Session.cancel`. An older libpq could wait here for ever, so there the connection is broken instead."""
        if psycopg.capabilities.has_cancel_safe():
            with suppress(psycopg.Error):
                self.connection.cancel_safe(timeout=0.2)

    def fileno(self) -> int:
        """As `Session.fileno`."""
        return -1 if self._pg.status != pq.ConnStatus.OK else self._pg.socket

    def close(self) -> None:
        """As `Session.close`."""
        self.connection.close()


def _reader(result: PGresult, column: int) -> Callable[[bytes], Any]:
    """What makes a cell of the server's text. Most types are left as that text."""
    kind = result.ftype(column)
    if kind == _NUMERIC and result.fmod(column) < 0:  # no declared scale
        return computed
    return _READERS.get(kind, text)


def _float(raw: bytes) -> float | None:
    value = float(raw)
    return None if isnan(value) else value


def _bytea(raw: bytes) -> bytes:
    return bytes(pq.Escaping().unescape_bytea(raw))


def _bool(raw: bytes) -> int:
    return int(raw == b"t")


_READERS: dict[int, Callable[[bytes], Any]] = {
    16: _bool,
    17: _bytea,
    _NUMERIC: decimal,
    **dict.fromkeys((20, 21, 23, 26), int),  # bigint, smallint, integer, oid
    **dict.fromkeys((700, 701), _float),
}
"""By the number of the type, the same on every server."""
