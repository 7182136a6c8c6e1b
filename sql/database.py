"""Databases: connect, reflect, and run SQL read-only within limits. (Contract; the author fills it in.)"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits", "ResultSet"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use.

    Attributes:
        seconds: Deadline for the whole query, fetch included.
        rows: Rows returned at most; more are cut off and `ResultSet.truncated` is set.
        bytes: Bytes of cells returned at most; more are cut off likewise.
        memory: Bytes of memory that the database engine may use for it.
    """

    seconds: float = 10.0
    rows: int = 10_000
    bytes: int = 64_000_000
    memory: int = 256_000_000


@dataclass(frozen=True, slots=True)
class ResultSet:
    """Rows of one query.

    Attributes:
        columns: Result column names.
        rows: Cells as Python None, int, float, str or bytes.
        truncated: True when a limit cut rows off.
        ms: Milliseconds in the database.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    truncated: bool = False
    ms: float = 0.0
