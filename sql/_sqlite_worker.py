"""Runs one read-only SQLite connection, in this process or as a child that its parent can kill.

Only the standard library is used, so that `python -I -S _sqlite_worker.py` starts in some 20 ms and the file can be
imported too. Four layers keep the database unchanged, each sufficient alone: the file is opened `mode=ro` (or
`immutable=1`), `query_only` is on, an authorizer allows nothing but reading and the listed functions, and the child may
not write to any file (RLIMIT_FSIZE 0). Three layers bound a query: SQLite's own limits (value length, heap, depth), a
progress handler with a deadline, and, in the child, an alarm that ends the process when a single scalar function does
not come back. The parent kills it as well.

Frames on the pipes are four bytes of length (big endian), then JSON. Requests are objects; answers are
`["rows", [[cell, ...], ...]]`, `["reset"]` (drop the rows so far), `["done", {...}]` or `["error", kind, message]`.
A blob cell is `{"b": base64}`. Text that is not UTF-8 is decoded with U+FFFD for what cannot be read.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import struct
import sys
import time
from contextlib import suppress

if sys.version_info >= (3, 11):
    _LIMITS: tuple[tuple[int, int], ...] = (
        (sqlite3.SQLITE_LIMIT_ATTACHED, 0),
        (sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (sqlite3.SQLITE_LIMIT_VDBE_OP, 1_000_000),
        (sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0),
        (sqlite3.SQLITE_LIMIT_EXPR_DEPTH, 1000),
        (sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000),
    )
else:
    _LIMITS = ()

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

__all__ = ["FUNCTIONS", "Engine", "FailureError", "main", "open_uri", "read_frame", "write_frame"]

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
    regexp replace round row_number rtrim sign sin sinh snippet soundex sqlite_version sqrt strftime string_agg substr
    substring subtype sum tan tanh time timediff total trim trunc typeof unhex unicode unistr unistr_quote unixepoch
    unlikely upper zeroblob""".split()  # noqa: SIM905
)
"""SQL functions a query may call: none reads a file, writes, loads code or changes a setting."""

_HIDDEN_TABLES = frozenset({"sqlite_dbpage", "sqlite_stmt", "dbstat"})
_PROGRESS_STEPS = 4000  # virtual-machine steps between looks at the clock: some 50 microseconds
_CHUNK = 256_000  # bytes of cells per frame
_BUSY_SECONDS = 2.0
_GRACE = 1.0  # the parent kills earlier; this is for a parent that died
_HEADER = struct.Struct(">I")
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


class FailureError(Exception):
    """What went wrong; `kind` is "query", "timeout", "limit" or "database"."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind, self.message = kind, message


def open_uri(path: str) -> tuple[str, tuple[object, ...]]:
    """The URI to open `path` with so that no file is created beside it, and the state that this choice rests on.

    A database in WAL mode without a write-ahead log is opened immutable (SQLite would create two files otherwise). The
    state differs as soon as somebody writes, which tells the caller to open again.

    Raises:
        OSError: The file cannot be read.
    """
    from urllib.parse import quote_from_bytes

    with open(path, "rb") as file:
        header = file.read(20)
        stat = os.fstat(file.fileno())
    wal = header[18:20] == b"\x02\x02" or b"\x02" in header[18:20]
    log = _size(path + "-wal")
    text = quote_from_bytes(os.fsencode(path.replace(os.sep, "/")))
    uri = "file:" + ("///" + text.lstrip("/")) + "?mode=ro&readonly_shm=1"
    immutable = wal and not log
    racy = immutable and time.time() - stat.st_mtime < 0.1
    state: tuple[object, ...] = (
        stat.st_dev,
        stat.st_ino,
        stat.st_size,
        stat.st_mtime_ns,
        immutable,
        object() if racy else 0,
    )
    if not immutable:
        state = (stat.st_dev, stat.st_ino, immutable, wal)
    return (uri + "&immutable=1" if immutable else uri), state


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


class Engine:
    """One connection, opened on first use and again whenever the file's state asks for it.

    Args:
        path: Absolute path of the file.
        memory: Bytes that SQLite may allocate.
        process: True when this process serves this database only, so that process-wide limits may be set.
    """

    def __init__(self, path: str, memory: int, process: bool = False) -> None:
        self._path, self._memory, self._process = path, memory, process
        self._connection: sqlite3.Connection | None = None
        self._state: tuple[object, ...] = ()
        self._deadline = 0.0
        self._trusted = False
        self._lenient = False

    def close(self) -> None:
        """Close the connection; the next query opens a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def query(self, request: dict[str, Any], emit: Callable[[list[Any]], bool]) -> None:
        """Run `request["sql"]`, passing answers to `emit`, which returns False to stop the rows.

        Raises:
            FailureError: The query failed; rows emitted so far are void.
        """
        started = time.monotonic()
        self._deadline = started + request["seconds"]
        for _attempt in range(3):
            try:
                columns, truncated = self._attempt(request, emit)
            except _UndecodableError:
                self._lenient = True
            else:
                if self._still_valid():
                    break
                self.close()
            emit(["reset"])
        else:
            raise FailureError("database", "the database file changed during the query, three times in a row")
        emit(["done", {"columns": columns, "truncated": truncated, "ms": (time.monotonic() - started) * 1000}])

    def _attempt(self, request: dict[str, Any], emit: Callable[[list[Any]], bool]) -> tuple[list[str], bool]:
        try:
            connection = self._connect(request["seconds"])
            connection.text_factory = _decode if self._lenient else str
            cursor = connection.execute(request["sql"])
            try:
                if cursor.description is None:
                    raise FailureError("query", "the statement returns no rows")
                columns = [entry[0] for entry in cursor.description]
                return columns, self._send(cursor, request, emit)
            finally:
                cursor.close()
        except (sqlite3.Error, sqlite3.Warning, MemoryError, ValueError, OSError) as error:
            raise _failure(error) from error

    def _send(self, cursor: sqlite3.Cursor, request: dict[str, Any], emit: Callable[[list[Any]], bool]) -> bool:
        rows_left, bytes_left, batch = request["rows"], request["bytes"], request.get("batch", 0)
        chunk: list[Any] = []
        used = 0
        for row in cursor:
            size = sum([_cost(cell) for cell in row])
            bytes_left -= size
            if rows_left <= 0 or bytes_left < 0:
                emit(["rows", chunk])
                return True
            rows_left -= 1
            used += size
            chunk.append(row)
            if used >= _CHUNK or len(chunk) == batch:
                asked = time.monotonic()
                if not emit(["rows", chunk]):
                    return True
                if batch:  # the reader's own time does not count
                    self._deadline += time.monotonic() - asked
                chunk, used = [], 0
        if chunk:
            emit(["rows", chunk])
        return False

    def _connect(self, seconds: float) -> sqlite3.Connection:
        if self._connection is not None and self._still_valid():
            return self._connection
        self.close()
        uri, self._state = open_uri(self._path)
        connection = sqlite3.connect(
            uri,
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
        self._connection = connection
        return connection

    def _protect(self, connection: sqlite3.Connection) -> None:
        for pragma in ("query_only=ON", "trusted_schema=OFF", "temp_store=MEMORY", "cell_size_check=ON"):
            connection.execute("PRAGMA " + pragma).close()
        if self._process:
            connection.execute(f"PRAGMA hard_heap_limit={self._memory:d}").close()
        if sys.version_info >= (3, 11):
            for limit, value in (*_LIMITS, (sqlite3.SQLITE_LIMIT_LENGTH, max(1_000_000, self._memory // 16))):
                connection.setlimit(limit, value)
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(self._late, _PROGRESS_STEPS)

    def _late(self) -> bool:
        return time.monotonic() > self._deadline

    def _still_valid(self) -> bool:
        try:
            return open_uri(self._path)[1] == self._state
        except OSError:
            return False


class _UndecodableError(Exception):
    """A cell is not UTF-8."""


def _authorize(action: int, first: str | None, second: str | None, _base: str | None, _source: str | None) -> int:
    if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE):
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_READ:
        return sqlite3.SQLITE_DENY if (first or "").lower() in _HIDDEN_TABLES else sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in FUNCTIONS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


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


def _cost(cell: object) -> int:
    if isinstance(cell, str):
        return len(cell) if cell.isascii() else len(cell.encode("utf-8", "surrogatepass"))
    return len(cell) if isinstance(cell, bytes) else 8


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _blob(value: object) -> object:
    if isinstance(value, bytes):
        return {"b": base64.b64encode(value).decode("ascii")}
    raise TypeError(type(value).__name__)


def write_frame(file: BinaryIO, message: object) -> None:
    """Write one frame.

    Raises:
        OSError: The other side is gone.
    """
    data = json.dumps(message, default=_blob, separators=(",", ":")).encode("ascii")
    file.write(_HEADER.pack(len(data)) + data)
    file.flush()


def read_frame(file: BinaryIO) -> Any:
    """Read one frame; None at the end of the file."""
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        return None
    (size,) = _HEADER.unpack(head)
    return json.loads(file.read(size))


def _restrict(memory: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the heap limit and the parent's kill remain
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(ValueError, OSError):
        with open("/proc/self/statm", "rb") as file:
            in_use = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (in_use + memory + 128_000_000,) * 2)


def main() -> None:
    """Serve requests from stdin until it ends."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    source, target = sys.stdin.buffer, sys.stdout.buffer
    config = read_frame(source)
    if config is None:
        return
    _restrict(config["memory"])
    engine = Engine(config["path"], config["memory"], process=True)

    def emit(message: list[Any]) -> bool:
        write_frame(target, message)
        if message[0] != "rows" or not request.get("batch"):
            return True
        _alarm(0)
        answer = read_frame(source)
        _alarm(request["seconds"] + _GRACE)
        return answer is not None and answer["op"] == "more"

    while (request := read_frame(source)) is not None:
        try:
            _alarm(request["seconds"] + _GRACE)
            engine.query(request, emit)
        except FailureError as failure:  # noqa: PERF203
            write_frame(target, ["error", failure.kind, failure.message])
        finally:
            _alarm(0)


def _alarm(seconds: float) -> None:
    """End the process after so many seconds, even inside one SQLite function; 0 calls it off."""
    import signal

    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        main()
