"""Safe mode: one item's verdict by the same rules of equality, with queries that can only read and have limits.

Differences from official mode come from what queries may do and take, not from the rules: nothing is written, each
query has its own deadline and limits on rows, bytes and memory, text that is not UTF-8 is read with U+FFFD in it, files
like `-wal` are no test databases, and an entry that is wrong in itself is not run but has a class of error.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError

from ..database.database import Database, Limits
from .bird import soft_f1
from .copies import test_databases
from .equality import equal_results, equal_sets
from .outcome import Outcome
from .plug_values import plugged
from .spider import order_matters, prepare, this_year

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .equality import Row
    from .rules import ExecutionRule

__all__ = ["SafeScorer"]

SAFE_LIMITS = Limits(seconds=30.0, rows=2_000_000, bytes=512_000_000, memory=2_000_000_000)
_LOGS = ("-wal", "-shm", "-journal")
_MOST_PLUGGED = 10_000  # combinations that are tried


class SafeScorer:
    """Scores items; safe to share between threads. A context manager.

    Args:
        rule: The official script's rules; of `rule.seconds`, only that it is there.
        limits: Of each query.
        workers: Queries on one database at the same time.
    """

    def __init__(self, rule: ExecutionRule, *, limits: Limits = SAFE_LIMITS, workers: int = 1) -> None:
        self.rule, self.limits, self.workers = rule, limits, workers
        self._lock = threading.Lock()
        self._open: dict[Path, Database] = {}

    def __enter__(self) -> SafeScorer:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all databases."""
        with self._lock:
            for database in self._open.values():
                database.close()
            self._open.clear()

    def score(self, path: Path, gold: str, predicted: str) -> Outcome:
        """One item's outcome; the database and what lies beside it stay as they are."""
        text = self.rule.text
        reference = prepare(gold, text, predicted=False)
        prediction = prepare(predicted, text, predicted=True)
        choices: Iterable[str] = plugged(reference, prediction) if text.plug_value else (prediction,)
        paths = _tests(path) if self.rule.every_database else [path]
        first: Outcome | None = None
        for count, choice in enumerate(choices):
            outcome = self._outcome(paths, reference, choice)
            first = first or outcome
            if outcome.right:
                return outcome
            if outcome.gold_error or count >= _MOST_PLUGGED:
                break
        return first or Outcome(right=False, error="empty")

    def _outcome(self, paths: Sequence[Path], gold: str, predicted: str) -> Outcome:
        outcome = Outcome(right=False)
        for path in paths:
            outcome = self._on(path, gold, predicted)
            if not outcome.right:
                break
        return outcome

    def _on(self, path: Path, gold: str, predicted: str) -> Outcome:
        try:
            reference = self._rows(path, gold)
        except DatabaseError as error:
            kind = "gold" if _kind(error) != "damaged_database" else "damaged_database"
            return Outcome(right=False, error=kind, message=error.what, gold_error=error.what)
        try:
            rows = self._rows(path, predicted)
        except DatabaseError as error:
            return Outcome(right=False, error=_kind(error), message=error.what, gold_rows=len(reference))
        f1 = None
        if self.rule.bag:
            ordered = self.rule.ordered_like_gold and order_matters(gold)
            right = equal_results(reference, rows, ordered=ordered)
        else:
            right, f1 = equal_sets(reference, rows), soft_f1(rows, reference)
        return Outcome(right=right, rows=len(rows), gold_rows=len(reference), soft_f1=f1)

    def _rows(self, path: Path, sql: str) -> Sequence[Row]:
        result = self._database(path).execute(this_year(sql) if self.rule.text.this_year else sql, limits=self.limits)
        if result.truncated:
            raise QueryLimitError("the result has more rows or bytes than are compared", where=str(path))
        return result.rows

    def _database(self, path: Path) -> Database:
        with self._lock:
            if path not in self._open:
                self._open[path] = Database(path, limits=self.limits, workers=self.workers)
            return self._open[path]


def _kind(error: DatabaseError) -> str:
    if isinstance(error, QueryTimeoutError):
        return "timeout"
    if isinstance(error, QueryLimitError):
        return "too_large" if "rows or bytes" in error.what else "memory"
    if isinstance(error, QueryError):
        return "refused" if _refused(error.what) else "rejected"
    return "damaged_database"


def _refused(message: str) -> bool:
    low = message.lower()
    return any(text in low for text in ("not authorized", "authorization denied", "prohibited", "readonly"))


def _tests(path: Path) -> list[Path]:
    return [test for test in sorted(test_databases(path)) if not test.name.endswith(_LOGS)]
