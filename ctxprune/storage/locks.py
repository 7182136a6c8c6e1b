"""Locks between processes, which the system frees when their holder dies."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ctxprune.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["hold_folder", "try_lock"]

_LOCK = ".lock"


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder inside; it is made, and removed again where nothing was put into it.

    Raises:
        UsageError: Another run holds it.
        InputError: It cannot be made.
    """
    path, made = folder / _LOCK, not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        raise InputError(f"the folder cannot be written ({error.strerror})", where=str(folder)) from error
    with file:
        # a run that has just ended removed the file, and what was opened before that locks nobody out
        if not try_lock(file.fileno()) or not _is_at(file.fileno(), path):
            hint = "wait until it has ended, or name another folder"
            raise UsageError("another run is at work in this folder", where=str(folder), hint=hint)
        try:
            yield
        finally:
            with suppress(OSError):  # not every system lets go of a file that is open
                path.unlink()
                if made:
                    folder.rmdir()


def try_lock(handle: int) -> bool:
    """Lock an open file for this process alone; False where another holds it."""
    try:
        if os.name == "nt":  # pragma: no cover
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            # flock belongs to the open file and ends with its holder, even a killed one; a lock file would stay
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False
