"""Private copies of databases, which queries may damage without damage to anything."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from ctxprune.errors import DatabaseError

__all__ = ["PrivateCopy", "PrivateFolder", "test_databases"]

_STAMP = (1_000_000_000, 1_000_000_000)  # nanoseconds; a write sets another time, however soon it comes
_Seen = dict[str, tuple[int, int]]
_PREFIX = "ctxprune-bench-"


def test_databases(path: Path) -> list[Path]:
    """The files of the database's folder whose name contains ".sqlite", in the order in which the system lists them.

    The official Spider script takes all of them for test databases, leftovers like `-wal` too.
    """
    return [path.parent / name for name in os.listdir(path.parent) if ".sqlite" in name]


class PrivateFolder:
    """A folder of this process in the system's temporary folder ($TMPDIR).

    A lock tells that its process lives: what a process that was killed has left is removed when the next folder is made
    (not on Windows).

    Attributes:
        path: The folder, empty at first, symbolic links followed.

    Raises:
        DatabaseError: It cannot be made.
    """

    def __init__(self) -> None:
        try:
            _sweep(tempfile.gettempdir())
            made = tempfile.mkdtemp(
                prefix=f".{_PREFIX}"
            )  # under another name until it is locked, so that no one sweeps it
            self._lock = os.open(os.path.join(made, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
            _try_lock(self._lock)
            self._base = os.path.join(os.path.dirname(made), os.path.basename(made)[1:])
            os.rename(made, self._base)
            self.path = Path(os.path.realpath(self._base)) / "work"
            self.path.mkdir()
        except OSError as error:
            raise DatabaseError(f"no temporary folder can be made ({error.strerror})") from error

    def remove(self) -> None:
        """Remove it with all that is in it."""
        with suppress(OSError):
            os.close(self._lock)
        shutil.rmtree(self._base, ignore_errors=True)


def _sweep(folder: str) -> None:
    for entry in os.scandir(folder):
        if entry.name.startswith(_PREFIX):
            with suppress(OSError):
                handle = os.open(os.path.join(entry.path, "lock"), os.O_RDWR)
                try:
                    if _try_lock(handle):
                        shutil.rmtree(entry.path, ignore_errors=True)
                finally:
                    os.close(handle)


def _try_lock(handle: int) -> bool:
    """Whether the lock is ours now; never where the system has none."""
    try:
        import fcntl
    except ImportError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class PrivateCopy:
    """A folder of one's own with a copy of one database at a time, made anew as soon as something has changed it.

    Args:
        folder: An empty folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._source: Path | None = None
        self._whole = False
        self._seen: _Seen = {}
        self._paths: list[str] = []

    def paths(self, source: Path, *, whole: bool) -> list[str]:
        """Paths of fresh copies of `source` and of its logs; with `whole`, of all its test databases.

        Raises:
            DatabaseError: The file cannot be copied.
        """
        if self._source == source and self._whole == whole and not self.changed():
            return self._paths
        self.forget()
        place = self.folder / "copy"
        try:
            place.mkdir()
            tests = test_databases(source) if whole else [source]
            logs = [source.with_name(source.name + end) for end in ("-wal", "-journal")]
            for path in dict.fromkeys([*tests, *(log for log in logs if log.is_file())]):
                copy = place / path.name
                shutil.copyfile(path, copy)
                os.utime(copy, ns=_STAMP)
        except OSError as error:
            raise DatabaseError(f"the database cannot be copied ({error.strerror})", where=str(source)) from error
        self._source, self._whole, self._seen = source, whole, self._look()
        self._paths = [str(place / path.name) for path in tests]
        return self._paths

    def changed(self) -> bool:
        """Whether anything in the folder is other than it was copied."""
        return self._look() != self._seen

    def forget(self) -> None:
        """Remove everything from the folder."""
        for entry in os.scandir(self.folder):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
        self._source = None

    def _look(self) -> _Seen:
        found: _Seen = {}
        for place, _folders, names in os.walk(self.folder):
            for name in names:
                status = os.lstat(os.path.join(place, name))
                found[os.path.join(place, name)] = status.st_size, status.st_mtime_ns
        return found
