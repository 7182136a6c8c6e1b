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

    Examples:
        ```python
        from ctxprune.sql import Database, ResultSet


        def first_row(result: ResultSet) -> dict[str, object]:
            return dict(zip(result.columns, result.rows[0], strict=True))


        with Database("shop.sqlite") as database:
            print(first_row(database.execute("SELECT name FROM city ORDER BY name")))
            # {'name': 'Paris'}
        ```
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    truncated: bool = False
    ms: float = 0.0
