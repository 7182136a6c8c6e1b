"""Locks between processes, which the system frees when their holder dies."""

from __future__ import annotations

import os

__all__ = ["try_lock"]


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
