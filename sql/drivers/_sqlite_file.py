"""What can be said about a SQLite file without opening it as a database."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

from ctxprune.errors import DatabaseError, UsageError

__all__ = ["check_file", "explain", "fingerprint", "resolve"]

_TICK = 0.05  # seconds; kernels stamp files once every 1 to 10 ms


def resolve(target: str | Path) -> Path:
    """The file that a path or a SQLAlchemy URL means, with symbolic links followed (SQLite keeps its log beside it).

    Raises:
        UsageError: A URL with a host or options, or of a database in memory.
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

    url = make_url(text)
    if url.query or url.host:
        raise UsageError("a SQLite URL takes no host and no options", where=text, hint="write sqlite:///PATH")
    return url.database or ":memory:"


def check_file(path: Path) -> None:
    """Make sure that `path` can be a SQLite file, without opening it: that would harm other connections' locks.

    Raises:
        DatabaseError: It is missing, a folder, a pipe, a device, forbidden or empty.
    """
    where = str(path)
    try:
        status = os.stat(path)
    except FileNotFoundError as error:
        raise DatabaseError("there is no such file", where=where) from error
    except OSError as error:
        raise DatabaseError(f"the file cannot be read ({error.strerror})", where=where) from error
    if stat.S_ISDIR(status.st_mode):
        raise DatabaseError("this is a folder, not a database", where=where)
    if not stat.S_ISREG(status.st_mode):
        raise DatabaseError("this is not a regular file", where=where)
    if not os.access(path, os.R_OK):
        raise DatabaseError("the file cannot be read (permission denied)", where=where)
    if not status.st_size:
        raise DatabaseError("the file is empty (0 bytes)", where=where, hint="no table was ever created in it")


def fingerprint(path: Path) -> str:
    """16 hex digits that change whenever the stored data do; no file is opened.

    Taken from size, inode, modification and change time (nanoseconds) of the file and of its write-ahead log. Two
    changes within one tick of the file system's clock could look alike, so a file that was written just now is looked
    at again a little later; if it is being written all the time, the fingerprint is one that never comes again.

    Raises:
        DatabaseError: The file cannot be read.
    """
    for _attempt in range(3):
        states = [_state(f"{path}{suffix}") for suffix in ("", "-wal")]
        if states[0] is None:
            raise DatabaseError("the file cannot be read", where=str(path))
        wait = max(_settling(state) for state in states)
        if wait <= 0:
            break
        time.sleep(wait)
    else:
        states.append((time.time_ns(),))
    return hashlib.sha256(repr(("ctxprune.sqlite.v1", states)).encode()).hexdigest()[:16]


def _state(path: str) -> tuple[int, ...] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not status.st_size:
        return None
    return status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def _settling(state: tuple[int, ...] | None) -> float:
    """Seconds until a further change is sure to get another time stamp."""
    if state is None:
        return 0.0
    tick = 2.1 if state[2] % 1_000_000_000 == 0 else _TICK  # whole seconds: a file system with coarse time stamps
    age = time.time() - state[2] / 1e9
    return tick - age if 0 <= age < tick else 0.0


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
