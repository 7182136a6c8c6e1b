"""Results of queries kept in one SQLite file, by the database's content, the text and the limits."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import DatabaseError, FormatError, InputError, QueryError, UsageError
from ctxprune.storage.compressed import inflate
from ctxprune.storage.sealed import seal_bytes, unseal_bytes
from ctxprune.storage.sqlite_cache import WAIT, CacheFile

from ..database.database import ResultSet

if TYPE_CHECKING:
    from ..database.database import Database

__all__ = ["CachedRunner", "ExecutionCache", "database_fingerprint"]

_FILE = CacheFile(
    "execution cache",
    "ctxprune-executions",
    2,  # every entry stands behind a checksum, failures too; those of version 1 did not, and are run again
    "CREATE TABLE execution (key TEXT PRIMARY KEY, result BLOB) WITHOUT ROWID",
)
_BATCH = 100  # results that a kill may lose
_VOLATILE = re.compile(  # without a time, SQLite's functions of time take that of the call
    r"\brandom|\bnow\b|\bcurrent_|\blocaltime|\b(?:total_)?changes\b|\bsqlite_"
    r"|\b(?:date|time|datetime|julianday|unixepoch)\s*\(\s*\)|\bstrftime\s*\([^,()]*\)",
    re.IGNORECASE,
)


class ExecutionCache:
    """One file of results; a context manager, for one thread. A kill loses the last 100 results at most.

    Args:
        path: The file; made when missing, its folder too.

    Raises:
        FormatError: The file is something else, or of another version.
        InputError: The file cannot be opened or written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.hits = self.misses = 0
        self._waiting: dict[str, bytes] = {}  # in memory, so that no other process finds the file locked
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=WAIT, isolation_level=None)
        except (OSError, sqlite3.OperationalError) as error:
            raise InputError(f"the execution cache cannot be made: {error}", where=str(self.path)) from error
        try:
            with _FILE.errors(self.path):
                _FILE.prepare(self._connection, self.path)
                self._connection.commit()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> ExecutionCache:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Keep what is not written yet, and close the file.

        Raises:
            InputError: The file cannot be written.
        """
        try:
            self._write()
        finally:
            self._connection.close()

    def get(self, key: str) -> tuple[bool, ResultSet | None]:
        """Whether the key is known, and its result; None for a text that fails.

        Raises:
            FormatError: The entry is damaged.
        """
        row: Any = (self._waiting[key],) if key in self._waiting else None
        row = row or self._run("SELECT result FROM execution WHERE key = ?", key).fetchone()
        self.hits, self.misses = self.hits + (row is not None), self.misses + (row is None)
        if row is None:
            return False, None
        try:
            return True, _unpacked(key, row[0])
        except (ValueError, KeyError, TypeError, zlib.error) as error:
            raise FormatError("a cached result is damaged", where=str(self.path), hint="delete the file") from error

    def put(self, key: str, result: ResultSet | None) -> None:
        """File a result, or a failure.

        Raises:
            InputError: The file cannot be written.
        """
        self._waiting[key] = _packed(key, result)
        if len(self._waiting) >= _BATCH:
            self._write()

    def _write(self) -> None:
        if not self._waiting:
            return
        self._run("BEGIN IMMEDIATE")
        for key, data in self._waiting.items():
            self._run("INSERT OR REPLACE INTO execution VALUES (?, ?)", key, data)
        self._run("COMMIT")
        self._waiting = {}

    def _run(self, sql: str, *values: object) -> sqlite3.Cursor:
        with _FILE.errors(self.path):
            return self._connection.execute(sql, values)


class CachedRunner:
    """Runs each text once on a database, or not at all where the cache knows it.

    A text that ran out of time is not kept, since another machine may be faster, nor is one whose result changes with
    time or chance.

    Args:
        database: Where texts run, with its own limits.
        cache: Where results are kept; None for nowhere but in memory.
    """

    def __init__(self, database: Database, cache: ExecutionCache | None = None) -> None:
        self._database, self._cache = database, cache
        self._held: dict[str, ResultSet | None] = {}
        limits = database.limits
        self._place = ""
        if cache is not None:
            if database.path is None:
                raise UsageError("only what ran on a file is kept", hint="give no cache for a server")
            place = [database_fingerprint(database.path), limits.seconds, limits.rows, limits.bytes, limits.memory]
            self._place = json.dumps(place)

    def __call__(self, sql: str) -> ResultSet | None:
        """The result, None for a text that fails or is empty."""
        if sql not in self._held:
            self._held[sql] = self._looked_up(sql) if sql.strip() else None
        return self._held[sql]

    def _looked_up(self, sql: str) -> ResultSet | None:
        if self._cache is None or _VOLATILE.search(sql):
            return self._run(sql)[0]
        key = hashlib.sha256(f"{self._place}\n{sql}".encode("utf-8", "surrogatepass")).hexdigest()
        known, result = self._cache.get(key)
        if not known:
            result, lasting = self._run(sql)
            if lasting:
                self._cache.put(key, result)
        return result

    def _run(self, sql: str) -> tuple[ResultSet | None, bool]:
        try:
            return self._database.execute(sql), True
        except QueryError:
            return None, True
        except DatabaseError:
            return None, False


def database_fingerprint(path: Path) -> str:
    """sha256 (first 32 hex digits) of a database's file and of the log that lies beside it.

    Raises:
        InputError: It cannot be read.
    """
    digest = hashlib.sha256()
    for part in (path, path.with_name(f"{path.name}-wal")):
        try:
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except FileNotFoundError:
            if part is path:
                raise InputError("there is no such database", where=str(path)) from None
        except OSError as error:
            raise InputError(f"the database cannot be read ({error.strerror})", where=str(part)) from error
        digest.update(b"|")
    return digest.hexdigest()[:32]


def _packed(key: str, result: ResultSet | None) -> bytes:
    """A result, or a failure, behind a checksum that holds under this key only."""
    content = b""
    if result is not None:
        rows = [[{"b": cell.hex()} if isinstance(cell, bytes) else cell for cell in row] for row in result.rows]
        content = zlib.compress(json.dumps([result.columns, rows, result.truncated]).encode(), 1)
    return seal_bytes(key, content)


def _unpacked(key: str, data: bytes) -> ResultSet | None:
    content = unseal_bytes(key, data)
    if not content:
        return None
    columns, rows, truncated = json.loads(inflate(content))
    cells: Any = (tuple(bytes.fromhex(cell["b"]) if isinstance(cell, dict) else cell for cell in row) for row in rows)
    return ResultSet(tuple(columns), tuple(cells), bool(truncated))
