"""Runs queries with a limit on the steps of SQLite's machine, not on time, so that each run has the same outcome."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ctxprune.sql.database.database import ResultSet

if TYPE_CHECKING:
    from pathlib import Path

_CHUNK = 1_000


class SteppedRunner:
    """Runs each text once on a database that it only reads; a context manager.

    Args:
        path: The database.
        steps: Thousands of steps that one text may take.
        rows: Rows that are read; a result is cut there.
    """

    def __init__(self, path: Path, *, steps: int = 4_000, rows: int = 800) -> None:
        self._connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
        self._connection.text_factory = lambda data: data.decode("utf-8", "replace")
        self._connection.set_progress_handler(self._tick, _CHUNK)
        self._steps, self._rows, self._left = steps, rows, steps
        self._held: dict[str, ResultSet | None] = {}

    def __enter__(self) -> SteppedRunner:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def _tick(self) -> bool:
        self._left -= 1
        return self._left < 0

    def __call__(self, sql: str) -> ResultSet | None:
        """The result, None for a text that fails or takes too many steps."""
        if sql not in self._held:
            self._held[sql] = self._run(sql)
        return self._held[sql]

    def _run(self, sql: str) -> ResultSet | None:
        self._left = self._steps
        try:
            cursor = self._connection.execute(sql)
            names = tuple(column[0] for column in cursor.description or ())
            return ResultSet(names, tuple(cursor.fetchmany(self._rows)))
        except (sqlite3.Error, sqlite3.Warning, ValueError):
            return None
