"""Where files go: those that can be made again, and those that cannot."""

from __future__ import annotations

import os
from pathlib import Path

from ctxprune.errors import UsageError

__all__ = ["cache_folder", "config_folder"]


def cache_folder() -> Path:
    """$XDG_CACHE_HOME/ctxprune, else ~/.cache/ctxprune; read when asked, never made here.

    Raises:
        UsageError: The environment names neither, and the user has no home folder.
    """
    return _folder("XDG_CACHE_HOME", ".cache")


def config_folder() -> Path:
    """$XDG_CONFIG_HOME/ctxprune, else ~/.config/ctxprune; read when asked, never made here.

    Raises:
        UsageError: As `cache_folder`.
    """
    return _folder("XDG_CONFIG_HOME", ".config")


def _folder(variable: str, usual: str) -> Path:
    base = os.environ.get(variable)
    try:
        return Path(base or Path.home() / usual) / "ctxprune"
    except RuntimeError as error:
        raise UsageError("there is no home folder to keep files in", hint=f"set {variable}") from error
