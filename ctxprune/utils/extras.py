"""Lazy import of optional dependencies."""

from __future__ import annotations

import importlib
from typing import Any

from ctxprune.errors import MissingExtraError

__all__ = ["require"]


def require(module: str, extra: str) -> Any:
    """Import and return `module`, or say which extra installs it.

    Raises:
        MissingExtraError: The module is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(module.partition(".")[0], extra) from error
