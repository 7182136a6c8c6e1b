"""Runs read-only SQLite queries over one connection. Only the standard library is used: a bare child imports this too.

Several layers keep the database and its folder unchanged: the file is opened `mode=ro` (or `immutable=1`), `query_only`
is on, an authorizer allows nothing but reading and the listed functions, and nothing can be attached. Several bound a
query: SQLite's limits on value length and nesting, and a progress handler with a deadline.

The database file is opened plainly only once and stays open: on POSIX systems, closing any descriptor of a file drops
the locks that SQLite holds on it in the same process.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from urllib.parse import quote_from_bytes

from ._engine import FailureError, FileEngine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

__all__ = ["FUNCTIONS", "Engine", "uri"]

FUNCTIONS = frozenset(
    """-> ->> abs acos acosh asin asinh atan atan2 atanh avg bm25 ceil ceiling char coalesce concat concat_ws cos cosh
    count cume_dist current_date current_time current_timestamp date datetime degrees dense_rank exp first_value floor
    format glob group_concat hex highlight if ifnull iif instr json json_array json_array_insert json_array_length
    json_each json_error_position json_extract json_group_array json_group_object json_insert json_object json_patch
    json_pretty json_quote json_remove json_replace json_set json_tree json_type json_valid jsonb jsonb_array
    jsonb_array_insert jsonb_each jsonb_extract jsonb_group_array jsonb_group_object jsonb_insert jsonb_object
    jsonb_patch jsonb_remove jsonb_replace jsonb_set jsonb_tree julianday lag last_value lead length like likelihood
    likely ln log log10 log2 lower ltrim match matchinfo max median min mod nth_value ntile nullif octet_length offsets
    percent_rank percentile percentile_cont percentile_disc pi pow power printf quote radians random randomblob rank
    replace round row_number rtrim sign sin sinh snippet soundex sqlite_version sqrt strftime string_agg substr
    substring subtype sum tan tanh time timediff total trim trunc typeof unhex unicode unistr unistr_quote unixepoch
    unlikely upper zeroblob""".split()  # noqa: SIM905
)
"""SQL functions that a query may call: none reads or writes a file, loads code or changes a setting."""

_HIDDEN_TABLES = frozenset({"sqlite_dbpage", "sqlite_stmt", "dbstat", "fts3tokenize"})
_READ_PRAGMAS = frozenset({"data_version", "page_size"})  # full-text tables ask for them
_PROGRESS_STEPS = 4000  # virtual-machine steps between looks at the clock: some 50 microseconds
_BUSY_SECONDS = 2.0
_RACY_SECONDS = 0.1  # a file may change twice within one tick of its time stamp
_DATABASE_MESSAGES = (
    "file is not a database",
    "file is encrypted",
    "disk image is malformed",
    "malformed database schema",
    "unable to open database",
    "database is locked",
    "disk i/o error",
    "readonly database",
    "unsupported file format",
)


class _UndecodableError(Exception):
    """A cell is not UTF-8."""


class _Opening:
    """How a file has to be opened at this moment, and what that rests on.

    Attributes:
        immutable: True for a database in WAL mode whose log is empty: SQLite would create two files beside it
            otherwise, though nobody writes.
        state: Another value as soon as a connection that was opened this way may answer wrongly.
        brief: The connection is for one query only: because the file is so young that a further change might leave
            `state` as it is, or because a writer is connected, who clears the log away when it is the last to leave.
    """

    __slots__ = ("brief", "immutable", "state")

    def __init__(self, immutable: bool, state: tuple[object, ...], brief: bool) -> None:
        self.immutable, self.state, self.brief = immutable, state, brief


def uri(path: str, immutable: bool) -> str:
    """For `sqlite3.connect(uri, uri=True)`: read only, never creating the index of a write-ahead log."""
    name = quote_from_bytes(os.fsencode(path.replace(os.sep, "/"))).lstrip("/")
    return f"file:///{name}?mode=ro&readonly_shm=1" + ("&immutable=1" if immutable else "")


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


class Engine(FileEngine):
    """SQLite's engine: its connection is opened on first use and again whenever the file's state asks for it."""

    def __init__(self, path: str, memory: int, process: bool = False) -> None:
        super().__init__(path, memory, process)
        self._connection: sqlite3.Connection | None = None
        self._opening: _Opening | None = None
        self._file = -1
        self._identity: tuple[int, int] = (0, 0)
        self._lenient = False

    def interrupt(self) -> None:
        """As `FileEngine.interrupt`."""
        self._deadline = 0.0

    def close(self) -> None:
        """As `FileEngine.close`."""
        self._disconnect()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def answers(self, request: dict[str, Any]) -> Generator[list[Any], None, None]:
        """As `FileEngine.answers`."""
        started = time.monotonic()
        self._deadline = started + request["seconds"]
        if "sql" not in request:
            yield ["done", self._described()]
            return
        for _attempt in range(3):
            failure: _UndecodableError | FailureError | None = None
            try:
                columns, truncated = yield from self._attempt(request)
            except (_UndecodableError, FailureError) as error:
                failure = error
            finally:
                unchanged = self._finish()
            if isinstance(failure, _UndecodableError):
                self._lenient = True
            elif unchanged and failure is None:
                spent = (time.monotonic() - started) * 1000
                yield ["done", {"columns": columns, "truncated": truncated, "ms": spent}]
                return
            elif failure is not None and (unchanged or failure.kind == "timeout"):
                raise failure
            if "batch" in request:
                break
            yield ["reset"]
        raise FailureError("database", "the file changed while it was read")

    def _finish(self) -> bool:
        """Whether what was just read can be trusted; leaves no connection open that should not stay."""
        found = self._opening
        try:
            unchanged = found is None or not found.immutable or self._look().state == found.state
        except OSError:
            unchanged = False
        if not unchanged or found is None or found.brief:
            self._disconnect()
        return unchanged

    def _described(self) -> dict[str, Any]:
        """How another connection should open the file, for who cannot look itself."""
        try:
            found = self._look()
        except OSError as error:
            raise _failure(error) from error
        return {"immutable": found.immutable, "state": repr(found.state)}

    def _look(self) -> _Opening:
        """Look at the file and its write-ahead log.

        Raises:
            OSError: The file cannot be read.
        """
        stat = os.stat(self._path)
        if self._file < 0 or self._identity != (stat.st_dev, stat.st_ino):
            self.close()
            # O_BINARY is there on Windows alone, O_NONBLOCK everywhere else
            self._file = os.open(self._path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
            stat = os.fstat(self._file)
            self._identity = stat.st_dev, stat.st_ino
        os.lseek(self._file, 0, os.SEEK_SET)
        header = os.read(self._file, 100)
        wal = b"\x02" in header[18:20]
        # only a database in WAL mode with an empty log is read as immutable: opened otherwise it gets a -shm file
        if not wal or _size(self._path + "-wal"):
            return _Opening(False, (*self._identity, wal), wal)
        racy = time.time() - stat.st_mtime < _RACY_SECONDS
        return _Opening(True, (*self._identity, stat.st_size, stat.st_mtime_ns, header), racy)

    def _attempt(self, request: dict[str, Any]) -> Generator[list[Any], None, tuple[list[str], bool]]:
        try:
            connection = self._connect(request["seconds"])
            # a stream cannot begin again, so it is ready for everything
            connection.text_factory = _decode if self._lenient or "batch" in request else str
            cursor = connection.execute(request["sql"])
            try:
                if cursor.description is None:
                    raise FailureError("query", "the statement returns no rows")
                truncated = yield from self._rows(cursor, request)
                return [entry[0] for entry in cursor.description], truncated
            finally:
                cursor.close()
        except (sqlite3.Error, sqlite3.Warning, MemoryError, ValueError, OSError) as error:
            raise _failure(error) from error

    def _connect(self, seconds: float) -> sqlite3.Connection:
        current = self._look()
        if self._connection is not None and self._opening is not None and self._opening.state == current.state:
            return self._connection
        self._disconnect()
        connection = sqlite3.connect(
            uri(self._path, current.immutable),
            uri=True,
            isolation_level=None,
            timeout=min(_BUSY_SECONDS, seconds / 2),
            check_same_thread=False,
            cached_statements=16,
        )
        try:
            self._protect(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._opening = connection, current
        return connection

    def _protect(self, connection: sqlite3.Connection) -> None:
        connection.set_progress_handler(self._late, _PROGRESS_STEPS)
        # the page cache counts towards the heap limit, so it gets an eighth of it at most
        cache = min(32_000, self.memory // 8000)  # KiB
        for pragma in (
            "query_only=ON",
            "trusted_schema=OFF",
            "cell_size_check=ON",
            "temp_store=MEMORY",
            f"cache_size=-{cache}",
        ):
            connection.execute("PRAGMA " + pragma).close()
        if self._process:
            connection.execute(f"PRAGMA hard_heap_limit={self.memory}").close()
        _connect_rtrees(connection)
        for limit, value in (
            (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
            (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 1000),
            (sqlite3.SQLITE_LIMIT_LENGTH, max(2_000_000, self.memory // 16)),
            (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
            (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
            (sqlite3.SQLITE_LIMIT_VDBE_OP, 1_000_000),
            (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
        ):
            connection.setlimit(limit, value)
        # last: the pragmas above would be refused by it
        connection.set_authorizer(_authorize)

    def _late(self) -> bool:
        return time.monotonic() > self._deadline


def _connect_rtrees(connection: sqlite3.Connection) -> None:
    """Let R-tree tables prepare their writing statements now: the authorizer would refuse them, and so the tables."""
    sql = "SELECT name FROM sqlite_master WHERE sql LIKE 'create virtual table%using rtree%'"
    for (name,) in connection.execute(sql).fetchall():
        with suppress(sqlite3.Error):  # a broken one concerns only the queries that name it
            connection.execute('SELECT 1 FROM "' + name.replace('"', '""') + '" LIMIT 0').close()  # noqa: S608


def _authorize(action: int, first: str | None, second: str | None, _base: str | None, _source: str | None) -> int:
    if action == sqlite3.SQLITE_READ:
        allowed = (first or "").lower() not in _HIDDEN_TABLES
    elif action == sqlite3.SQLITE_FUNCTION:
        allowed = (second or "").lower() in FUNCTIONS
    elif action == sqlite3.SQLITE_PRAGMA:
        allowed = (first or "").lower() in _READ_PRAGMAS and second is None
    else:
        allowed = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _failure(error: BaseException) -> Exception:
    message = str(error) or type(error).__name__
    low = message.lower()
    if isinstance(error, MemoryError) or "too big" in low or "out of memory" in low:
        return FailureError("limit", message if str(error) else "out of memory")
    if "could not decode to utf-8" in low:
        return _UndecodableError()
    if low == "interrupted":
        return FailureError("timeout", message)
    if isinstance(error, OSError) or any(text in low for text in _DATABASE_MESSAGES):
        return FailureError("database", message)
    return FailureError("query", message)


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
