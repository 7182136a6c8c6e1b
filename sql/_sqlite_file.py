"""What can be said about a SQLite file without opening it as a database."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from ctxprune.errors import DatabaseError, UsageError

__all__ = ["check_file", "explain", "fingerprint", "resolve"]

_MAGIC = b"SQLite format 3\0"
_SHM_HEADER = 96  # two copies of the index header: number of valid frames, checksums, salts


def resolve(target: str | Path) -> Path:
    """The file that a path or a SQLAlchemy URL means, with symbolic links followed (SQLite keeps its log beside it).

    Raises:
        UsageError: A URL of another dialect, malformed, or of a database in memory.
    """
    if isinstance(target, str) and "://" in target:
        target = _from_url(target)
    if not isinstance(target, (str, Path)) or not str(target) or str(target) == ":memory:":
        raise UsageError(f"the target {target!r} is no file", hint="give the path of a SQLite file or sqlite:///PATH")
    if "\0" in str(target):
        raise UsageError("the path holds a null character", where=repr(str(target)))
    return Path(os.path.realpath(target))


def _from_url(text: str) -> str:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise UsageError("the database URL is malformed", where=text, hint="write sqlite:///PATH") from error
    dialect = url.get_backend_name()
    if dialect != "sqlite":
        raise UsageError(
            f"the dialect {dialect!r} is not supported", hint="supported: sqlite (sqlite:///PATH or a path)"
        )
    if url.query or url.host:
        raise UsageError("a SQLite URL takes no host and no options", where=text, hint="write sqlite:///PATH")
    return url.database or ":memory:"


def check_file(path: Path) -> None:
    """Make sure that `path` is a readable SQLite file; never blocks, not even on a FIFO.

    Raises:
        DatabaseError: It is missing, a folder, a device, forbidden, empty, or something else than SQLite.
    """
    where = str(path)
    try:
        mode = os.stat(path)
        if stat.S_ISDIR(mode.st_mode):
            raise DatabaseError("this is a folder, not a database", where=where)
        if not stat.S_ISREG(mode.st_mode):
            raise DatabaseError("this is not a regular file", where=where)
        with open(path, "rb") as file:
            head = file.read(len(_MAGIC))
    except FileNotFoundError as error:
        raise DatabaseError("there is no such file", where=where) from error
    except OSError as error:
        raise DatabaseError(f"the file cannot be read ({error.strerror})", where=where) from error
    if not head:
        raise DatabaseError("the file is empty (0 bytes)", where=where, hint="no table was ever created in it")
    if head != _MAGIC:
        raise DatabaseError("file is not a database", where=where, hint="it is no SQLite file, or it is encrypted")


def fingerprint(path: Path) -> str:
    """16 hex digits that change whenever the stored data do; reads some 300 bytes.

    Taken from size, time stamp and first 100 bytes (SQLite's change counter among them) of the file, the same of its
    write-ahead log (whose salts change whenever it starts anew), and the header of the log's index, which counts the
    committed frames: so a change is seen even within one tick of the clock. It may also change when the data do not (a
    checkpoint, a copy of the file).

    Raises:
        DatabaseError: The file cannot be read.
    """
    digest = hashlib.sha256(b"ctxprune.sqlite.v1")
    main = _state(str(path), 100)
    if not main:
        raise DatabaseError("the file cannot be read", where=str(path))
    log = _state(f"{path}-wal", 32)
    index = _state(f"{path}-shm", _SHM_HEADER, timed=False) if log else b""
    digest.update(b"|".join((main, log, index)))
    return digest.hexdigest()[:16]


def _state(path: str, length: int, timed: bool = True) -> bytes:
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            head = file.read(length)
    except OSError:
        return b""
    if not status.st_size:
        return b""
    return repr((status.st_size, status.st_mtime_ns if timed else 0, head)).encode()


def explain(message: str, path: str) -> DatabaseError:
    """The error for what SQLite says about a file that it cannot use."""
    low = message.lower()
    if "readonly database" in low:
        return DatabaseError(
            f"a program died while writing; the file must be recovered first ({message})",
            where=path,
            hint="open it once with write access, for instance: sqlite3 FILE 'SELECT 1 FROM sqlite_master'",
        )
    if "unable to open" in low and _exists(path + "-wal") and not _exists(path + "-shm"):
        return DatabaseError(
            f"the write-ahead log holds changes that cannot be read without writing ({message})",
            where=path,
            hint="open it once with write access, for instance: sqlite3 FILE 'PRAGMA wal_checkpoint'",
        )
    hints = {
        "locked": "another program is writing; try again",
        "not a database": "it is no SQLite file, or it is encrypted",
        "malformed": "the file is damaged; restore a copy or try sqlite3 FILE .recover",
    }
    return DatabaseError(message, where=path, hint=next((hints[word] for word in hints if word in low), ""))


def _exists(path: str) -> bool:
    return os.path.exists(path)
