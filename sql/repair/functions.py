"""Functions of other dialects: written again in the database's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot.errors import SqlglotError

if TYPE_CHECKING:
    from .base import Failure

__all__ = ["TranslateFunctions"]

_FOREIGN = {"sqlite": ("mysql", "postgres"), "postgres": ("mysql", "sqlite"), "mysql": ("postgres", "sqlite")}


@dataclass(frozen=True)
class TranslateFunctions:
    """Reads the statement as another dialect and writes it in the database's, when a function or word is unknown."""

    def repair(self, failure: Failure) -> str:
        """The translated statement; "" where the message speaks of something else or nothing changes."""
        error = failure.error.lower()
        if not any(word in error for word in ("function", "syntax", "parse", "near")):
            return ""
        dialect = failure.schema.dialect
        for other in _FOREIGN.get(dialect, ()):
            try:
                text = sqlglot.transpile(failure.sql, read=other, write=dialect)[0]
            except (SqlglotError, RecursionError, IndexError):
                continue
            if text and text != failure.sql:
                return text
        return ""
