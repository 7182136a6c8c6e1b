"""What can be said about the file of a database without opening it."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

from ctxprune.errors import DatabaseError, UsageError

__all__ = ["check_file", "fingerprint", "first_bytes", "resolve"]

_READ = "import sys; sys.stdout.buffer.write(open(sys.argv[1], 'rb').read(16))"
_LONGEST_PATH = 4_096
_TICK = 0.05  # seconds; kernels stamp files once every 1 to 10 ms


def resolve(target: str | Path, kind: str) -> Path:
    """The file that a path or a SQLAlchemy URL means, with symbolic links followed (the log is kept beside it).

    Args:
        target: As a user gave it.
        kind: How its URLs begin.

    Raises:
        UsageError: A URL with a host or options, or of a database in memory.
    """
    if isinstance(target, str) and "://" in target:
        target = _from_url(target, kind)
    if not isinstance(target, (str, Path)) or not str(target) or str(target) == ":memory:":
        # Bytes would be the whole database.
        shown = repr(target) if isinstance(target, (str, int, type(None))) else f"of type {type(target).__name__}"
        raise UsageError(f"the target {shown} is no file", hint=f"give the path of a file or {kind}:///PATH")
    if len(str(target)) > _LONGEST_PATH:
        raise UsageError(f"the path has {len(str(target)):,} characters", hint=f"at most {_LONGEST_PATH:,} are taken")
    if "\0" in str(target):
        raise UsageError("the path holds a null character", where=repr(str(target)))
    return Path(os.path.realpath(target))


def _from_url(text: str, kind: str) -> str:
    from sqlalchemy.engine import make_url

    url = make_url(text)
    if url.query or url.host:
        raise UsageError(
            f"a URL of {kind} takes no host and no options", where=str(url.set(query={})), hint=f"write {kind}:///PATH"
        )
    return url.database or ":memory:"


def check_file(path: Path) -> None:
    """Make sure that `path` can be a database, without opening it: that would harm other connections' locks.

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


def has_interpreter() -> bool:
    """Whether `sys.executable` is a Python interpreter: not so in an embedded one, or a program made by PyInstaller."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)  # only such a program sets it


def first_bytes(path: str | Path, isolated: bool) -> bytes:
    """Up to 16 bytes; none where `path` is no file that can be read.

    Args:
        path: Anything.
        isolated: Another process reads: closing a file drops the locks that this process holds on it.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b""
        if not isolated:
            with open(path, "rb") as file:
                return file.read(16)
        if not has_interpreter():
            return b""
        command = [sys.executable, "-I", "-S", "-c", _READ, os.path.abspath(path)]
        return subprocess.run(command, capture_output=True, timeout=30, check=False).stdout  # noqa: S603
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return b""


def fingerprint(path: Path, kind: str, log: str) -> str:
    """16 hex digits that change whenever the stored data do; no file is opened.

    Taken from size, inode, modification and change time (nanoseconds) of the file and of its write-ahead log. Two
    changes within one tick of the file system's clock could look alike, so a file that was written just now is looked
    at again a little later; if it is being written all the time, the fingerprint is one that never comes again.

    Args:
        path: The file.
        kind: Its dialect.
        log: What follows the file's name in that of its write-ahead log.

    Raises:
        DatabaseError: The file cannot be read.
    """
    for _attempt in range(3):
        states = [_state(f"{path}{suffix}") for suffix in ("", log)]
        if states[0] is None:
            raise DatabaseError("the file cannot be read", where=str(path))
        wait = max(_settling(state) for state in states)
        if wait <= 0:
            break
        time.sleep(wait)
    else:
        states.append((time.time_ns(),))
    return hashlib.sha256(repr((f"ctxprune.{kind}.v1", states)).encode()).hexdigest()[:16]


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
