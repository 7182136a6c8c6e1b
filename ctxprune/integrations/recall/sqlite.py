"""A store in one SQLite file, for the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ctxprune.errors import InputError
from ctxprune.integrations.recall.base import Owner, RecallStore, StoreLimits, digest, new_id
from ctxprune.integrations.recall.items import StoredItem, decode_item, encode_item
from ctxprune.storage.sqlite_cache import WAIT, CacheFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

__all__ = ["SQLiteStore"]

_ENTRY_BYTES = 300  # of a row and its places in the indexes, about
_FILE = CacheFile(
    "recall store",
    "ctxprune.recall-store",
    1,
    # Numbers that are never given again, so that their order is that of the items.
    "CREATE TABLE items (id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, session TEXT NOT NULL, "
    "key BLOB NOT NULL, size INTEGER NOT NULL, time REAL NOT NULL, item TEXT NOT NULL, UNIQUE (account, session, key))",
)
_INDEX = "CREATE INDEX IF NOT EXISTS sizes ON items (account, id, size)"  # sums are read from it alone
_SHRINK_ACCOUNT = (
    "DELETE FROM items WHERE id IN (SELECT id FROM (SELECT id, SUM(size) OVER (ORDER BY id DESC) AS total, "
    "ROW_NUMBER() OVER (ORDER BY id DESC) AS place FROM items WHERE account = ?) WHERE total > ? OR place > ?)"
)
_SHRINK_ALL = (
    "DELETE FROM items WHERE id IN (SELECT id FROM (SELECT id, SUM(size) OVER (ORDER BY id DESC) AS total FROM items) "
    "WHERE total > ?)"
)
_EXPIRY = "CREATE INDEX IF NOT EXISTS times ON items (time)"


class SQLiteStore(RecallStore[StoredItem]):
    """Keeps items in a file (write-ahead log), until they are too old or have to make room.

    Several processes may use the file at once. Where the file lies on a network share they must not. Names
    of accounts and sessions are hashed, texts lie there as they are: the file is readable by its user alone.

    Args:
        path: Of the file; it is made where there is none.
        limits: How much it keeps.

    Raises:
        InputError: The file cannot be opened or written.
        FormatError: It is something else, damaged, or of another version.
    """

    def __init__(self, path: str | os.PathLike[str], limits: StoreLimits | None = None) -> None:
        self.limits = limits or StoreLimits()
        self._path = Path(path)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        with self._transaction():
            pass

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._path}>"

    def __reduce__(self) -> tuple[type[SQLiteStore], tuple[Path, StoreLimits]]:
        return type(self), (self._path, self.limits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; it is opened again when it is next used."""
        with self._lock:
            if self._connection is not None and self._process == os.getpid():
                self._connection.close()
            self._connection = None

    def put(self, owner: Owner, item: StoredItem, key: str = "") -> str:
        """See `RecallStore`."""
        text, key = encode_item(item), key or new_id()
        size = len(text) + len(key) + _ENTRY_BYTES
        if size > min(self.limits.account_bytes, self.limits.total_bytes):
            return ""
        row = (digest(owner.account), digest(owner.session), _key(key), size, time.time(), text)
        with self._transaction() as connection:
            self._drop_expired(connection)
            added = connection.execute(
                "INSERT OR IGNORE INTO items (account, session, key, size, time, item) VALUES (?, ?, ?, ?, ?, ?)", row
            )
            if added.rowcount:
                self._make_room(connection, row[0])
        return key

    def find(self, owner: Owner, key: str) -> StoredItem | None:
        """See `RecallStore`."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT item FROM items WHERE account = ? AND session = ? AND key = ? AND time >= ?",
                (digest(owner.account), digest(owner.session), _key(key), self._oldest()),
            ).fetchone()
        return None if row is None else decode_item(row[0])

    def items(self, owner: Owner) -> list[tuple[str, StoredItem]]:
        """See `RecallStore`."""
        with self._reading() as connection:
            rows = connection.execute(
                "SELECT key, item FROM items WHERE account = ? AND session = ? AND time >= ? ORDER BY id",
                (digest(owner.account), digest(owner.session), self._oldest()),
            ).fetchall()
        return [(key.decode("utf-8", "surrogatepass"), decode_item(text)) for key, text in rows]

    def _oldest(self) -> float:
        return 0.0 if self.limits.seconds is None else time.time() - self.limits.seconds

    def _drop_expired(self, connection: sqlite3.Connection) -> None:
        if self.limits.seconds is not None:
            connection.execute("DELETE FROM items WHERE time < ?", (self._oldest(),))

    def _make_room(self, connection: sqlite3.Connection, account: str) -> None:
        """Delete the oldest items of the account, then of all, until the rest is within the limits."""
        connection.execute(_SHRINK_ACCOUNT, (account, self.limits.account_bytes, self.limits.account_items))
        (size,) = connection.execute("SELECT SUM(size) FROM items").fetchone()
        if size > self.limits.total_bytes:
            connection.execute(_SHRINK_ALL, (self.limits.total_bytes,))

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _FILE.errors(self._path):
            yield self._opened()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.rollback()
                raise
            connection.commit()

    def _opened(self) -> sqlite3.Connection:
        # A connection must not be used by a process that was forked.
        if self._connection is None or self._process != os.getpid():
            self._process, self._connection = os.getpid(), self._open()
        return self._connection

    def _open(self) -> sqlite3.Connection:
        try:
            # Made before SQLite does, which would let others read it.
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise InputError(f"the recall store cannot be opened: {error.strerror}", where=str(self._path)) from error
        connection = sqlite3.connect(self._path, WAIT, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            _FILE.prepare(connection, self._path)
            connection.execute(_INDEX)
            connection.execute(_EXPIRY)
            connection.commit()
        except BaseException:
            connection.close()
            raise
        return connection


def _key(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")  # which no text column takes
