"""Where files go that can be made again."""

from __future__ import annotations

import os
from pathlib import Path

from ctxprune.errors import UsageError

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/ctxprune, else ~/.cache/ctxprune; read when asked, never made here.

    Raises:
        UsageError: The environment names neither, and the user has no home folder.
    """
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(base or Path.home() / ".cache") / "ctxprune"
    except RuntimeError as error:
        raise UsageError("there is no home folder to keep files in", hint="set XDG_CACHE_HOME") from error
