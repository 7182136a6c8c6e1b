"""A store in one SQLite file, for the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ctxprune.errors import FormatError, InputError
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
_INDEXES = (
    "CREATE INDEX IF NOT EXISTS places ON items (account, id)",  # the oldest of an account
    "CREATE INDEX IF NOT EXISTS times ON items (time)",
)
_ALL = ""  # stands for all accounts in `totals`
# Running totals, since to add up the sizes of all items in each put takes as long as there are items. Triggers keep
# them, whichever process adds or deletes. No upserts: `INSERT OR IGNORE` decides about conflicts in its triggers, too.
_HAS_TOTALS = "SELECT 1 FROM sqlite_master WHERE name = 'totals'"
_TOTALS = (
    "CREATE TABLE totals (account TEXT PRIMARY KEY, size INTEGER NOT NULL, items INTEGER NOT NULL) WITHOUT ROWID",
    "INSERT INTO totals SELECT '', COALESCE(SUM(size), 0), COUNT(*) FROM items",
    "INSERT INTO totals SELECT account, SUM(size), COUNT(*) FROM items GROUP BY account",
    "CREATE TRIGGER added AFTER INSERT ON items BEGIN "
    "INSERT INTO totals SELECT new.account, 0, 0 "
    "WHERE NOT EXISTS (SELECT 1 FROM totals WHERE account = new.account); "
    "UPDATE totals SET size = size + new.size, items = items + 1 WHERE account IN (new.account, ''); END",
    "CREATE TRIGGER deleted AFTER DELETE ON items BEGIN "
    "UPDATE totals SET size = size - old.size, items = items - 1 WHERE account IN (old.account, ''); "
    "DELETE FROM totals WHERE account = old.account AND account <> '' AND items = 0; END",
)
_TOTAL = "SELECT size, items FROM totals WHERE account = ?"
_DROP_OLDEST = "DELETE FROM items WHERE id = (SELECT id FROM items ORDER BY id LIMIT 1)"
_DROP_OLDEST_OF = "DELETE FROM items WHERE id = (SELECT id FROM items WHERE account = ? ORDER BY id LIMIT 1)"


class SQLiteStore(RecallStore[StoredItem]):
    """Keeps items in a file (write-ahead log), until they are too old or have to make room.

    Several processes may use the file at once. Where the file lies on a network share they must not. Names
    of accounts and sessions are hashed, texts lie there as they are: the file is made readable by its user alone, also
    where it was there already.

    Args:
        path: Of the file; it is made where there is none.
        limits: How much it keeps.

    Raises:
        InputError: The file cannot be opened or written, or others may read it and it is another user's.
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
        most_bytes, most_items = self.limits.account_bytes, self.limits.account_items
        while (found := self._total(connection, account))[0] > most_bytes or found[1] > most_items:
            self._drop(connection, _DROP_OLDEST_OF, account)
        while self._total(connection, _ALL)[0] > self.limits.total_bytes:
            self._drop(connection, _DROP_OLDEST)

    def _total(self, connection: sqlite3.Connection, account: str) -> tuple[int, int]:
        """Bytes and items of an account."""
        size, items = connection.execute(_TOTAL, (account,)).fetchone() or (0, 0)
        return size, items

    def _drop(self, connection: sqlite3.Connection, statement: str, *parameters: str) -> None:
        if not connection.execute(statement, parameters).rowcount:  # and never would there be room
            raise FormatError("the totals of the recall store are damaged", where=str(self._path))

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
            for statement in (*_INDEXES, *(() if connection.execute(_HAS_TOTALS).fetchone() else _TOTALS)):
                connection.execute(statement)
            connection.commit()
            self._restrict()
        except BaseException:
            connection.close()
            raise
        return connection

    def _restrict(self) -> None:
        """Take away the rights of other users, once it is sure that the file is a store, and before it gets a text."""
        for path in (self._path, Path(f"{self._path}-wal"), Path(f"{self._path}-shm")):
            try:
                if path.stat().st_mode & 0o077:
                    path.chmod(0o600)
            except FileNotFoundError:
                continue
            except OSError as error:
                hint = "name a file of your own"
                what = f"the recall store can be read by others: {error.strerror}"
                raise InputError(what, where=str(path), hint=hint) from error


def _key(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")  # which no text column takes
