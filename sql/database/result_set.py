"""Rows of one query."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ResultSet"]


@dataclass(frozen=True, slots=True)
class ResultSet:
    """Rows of one query.

    Attributes:
        columns: Result column names.
        rows: Cells as Python None, int, float, str or bytes. Text that is not UTF-8 holds U+FFFD where it cannot be
            read. Infinities come as floats; a NaN is stored as NULL by SQLite and comes as None.
        truncated: True when a limit cut rows off.
        ms: Milliseconds in the database.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    truncated: bool = False
    ms: float = 0.0
