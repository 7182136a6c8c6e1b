"""Is the SQL of a training example right? Run behind the guard, under limits, against what it should give.

Zhu and others, PaD: Program-aided Distillation Specializes Large Models in Reasoning, 2024: a large model's programs
are kept for training where running them gives the right answer; here the programs are queries.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import (
    DatabaseError,
    GuardError,
    InputError,
    QueryError,
    QueryLimitError,
    QueryTimeoutError,
)

from ..database.database import Database, Limits
from ..guard import Guard
from ..guard.execution import GuardedRunner
from .datasets import find_databases
from .equality import ComparisonLimitError, equal_results

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .equality import Row

__all__ = ["SqlCheck"]

_LIMITS = Limits(seconds=5.0, rows=10_000, bytes=8_000_000)  # comparing takes some 200 bytes a cell
_MOST_OPEN = 32  # databases; each has a process of its own
_LONGEST_NAME = 100  # characters of a name in a message
_MOST_CELLS = 10_000_000  # of the search for the order of columns: some two seconds


class SqlCheck:
    """Checks lines with `db_id`, `program` and `answer`, or `gold` in place of it; a context manager.

    Args:
        folder: Of Spider or BIRD, or one like theirs: database/DB_ID/DB_ID.sqlite.
        limits: Of each query: by default 5 seconds, 10,000 rows, 8 MB of cells.
    """

    def __init__(self, folder: Path, *, limits: Limits = _LIMITS) -> None:
        self.folder, self.limits = folder, limits
        self._open: dict[str, GuardedRunner] = {}

    def __enter__(self) -> SqlCheck:
        return self

    def __exit__(self, *_error: object) -> None:
        for runner in self._open.values():
            _close(runner)
        self._open.clear()

    def __call__(self, row: Mapping[str, Any]) -> str:
        """Why a line goes; "" where its rows are those of `gold`, a query, or of `answer`, rows or a single value.

        Columns may stand in another order, rows too. Where so many columns hold the same cells that finding their
        order takes more than ten million comparisons of cells, the line goes.

        Raises:
            DatabaseError: The database cannot be used.
            InputError: There is no database of that name, or it cannot be looked for.
        """
        texts = [row.get("program"), row.get("gold", "")]
        wanted = None if row.get("answer") is None else _rows(row["answer"])
        if not all(isinstance(text, str) for text in texts) or ("gold" not in row and wanted is None):
            return "no program or no answer"
        runner = self._runner(str(row["db_id"]))
        found, reason = _run(runner, str(texts[0]), "the program")
        if found is not None and "gold" in row:
            gold, reason = _run(runner, str(texts[1]), "the gold query")
            wanted = [] if gold is None else list(gold)
        if reason or found is None:
            return reason
        try:
            equal = equal_results(wanted or [], found, ordered=False, most_cells=_MOST_CELLS)
        except ComparisonLimitError:
            return "too many alike columns to compare"
        return "" if equal else "another result"

    def _runner(self, name: str) -> GuardedRunner:
        runner = self._open.pop(name, None) or self._connect(name)
        self._open[name] = runner  # the last one is the one used last
        while len(self._open) > _MOST_OPEN:
            _close(self._open.pop(next(iter(self._open))))
        return runner

    def _connect(self, name: str) -> GuardedRunner:
        inside = Path(name).name == name and name not in ("", ".", "..")  # a name may be a path out of the folder
        shown = name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + "…"
        try:
            path = find_databases([self.folder], [name]).get(name) if inside else None
        except OSError as error:  # a name that is too long, a folder that may not be read
            reason = error.strerror or type(error).__name__
            raise InputError(f"the database {shown!r} cannot be read ({reason})", where=str(self.folder)) from error
        if path is None:
            raise InputError(f"there is no database {shown!r}", where=str(self.folder))
        database = Database(path, limits=self.limits)
        try:
            return GuardedRunner(database, Guard(database.dialect, database.schema()), self.limits)
        except DatabaseError:
            database.close()
            raise


def _run(runner: GuardedRunner, sql: str, what: str) -> tuple[Sequence[Row] | None, str]:
    """The rows, or None and why there are none."""
    try:
        result = runner.fetch(sql)[1]
    except QueryTimeoutError:
        return None, f"{what} takes too long"
    except (GuardError, QueryError, QueryLimitError):
        return None, f"{what} fails"
    # of a result that was cut off nothing is known
    return (None, "too many rows or bytes") if result.truncated else (result.rows, "")


def _close(runner: GuardedRunner) -> None:
    if isinstance(runner.database, Database):
        runner.database.close()


def _rows(answer: Any) -> list[tuple[object, ...]] | None:
    """Rows of an answer that is a list of lists, a list of values or a value; None where a cell is none of SQL's."""
    entries = answer if isinstance(answer, list) else [answer]
    rows = [tuple(entry) if isinstance(entry, list) else (entry,) for entry in entries]
    return None if any(isinstance(cell, (dict, list)) for row in rows for cell in row) else rows
