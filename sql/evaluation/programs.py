"""Is the SQL of a training example right? Run behind the guard, under limits, against what it should give.

Zhu and others, PaD: Program-aided Distillation Specializes Large Models in Reasoning, 2024: a large model's programs
are kept for training where running them gives the right answer; here the programs are queries.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError

from ..database.database import Database, Limits
from ..guard import Guard
from ..guard.execution import GuardedRunner
from .datasets import find_databases
from .equality import ComparisonLimitError, equal_results

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SqlCheck"]

_LIMITS = Limits(seconds=5.0, rows=10_000)
_MOST_CELLS = 10_000_000  # of the search for the order of columns: some two seconds


class SqlCheck:
    """Checks lines with `db_id`, `program` and `answer`, or `gold` in place of it; a context manager.

    Args:
        folder: Of Spider or BIRD, or one like theirs: database/DB_ID/DB_ID.sqlite.
        limits: Of each query.
    """

    def __init__(self, folder: Path, *, limits: Limits = _LIMITS) -> None:
        self.folder, self.limits = folder, limits
        self._open: dict[str, GuardedRunner] = {}

    def __enter__(self) -> SqlCheck:
        return self

    def __exit__(self, *_error: object) -> None:
        for runner in self._open.values():
            if isinstance(runner.database, Database):
                runner.database.close()
        self._open.clear()

    def __call__(self, row: Mapping[str, Any]) -> str:
        """Why a line goes; "" where its rows are those of `gold`, a query, or of `answer`, rows or a single value.

        Columns may stand in another order, rows too. Where so many columns hold the same cells that finding their
        order takes more than ten million comparisons of cells, the line goes.

        Raises:
            DatabaseError: The database cannot be used.
            InputError: There is no database of that name.
        """
        texts = [row.get("program"), row.get("gold", "")]
        wanted = None if row.get("answer") is None else _rows(row["answer"])
        if not all(isinstance(text, str) for text in texts) or ("gold" not in row and wanted is None):
            return "no program or no answer"
        runner = self._runner(str(row["db_id"]))
        found = runner.run(str(texts[0]))
        if found.result is None:
            return "the program fails"
        truncated = found.result.truncated
        if "gold" in row:
            gold = runner.run(str(texts[1]))
            if gold.result is None:
                return "the gold query fails"
            wanted, truncated = list(gold.result.rows), truncated or gold.result.truncated
        if truncated:
            return "too many rows"  # of results that were cut off nothing is known
        try:
            equal = equal_results(wanted or [], found.result.rows, ordered=False, most_cells=_MOST_CELLS)
        except ComparisonLimitError:
            return "too many alike columns to compare"
        return "" if equal else "another result"

    def _runner(self, name: str) -> GuardedRunner:
        if name not in self._open:
            inside = Path(name).name == name and name not in ("", ".", "..")  # a name may be a path out of the folder
            path = find_databases([self.folder], [name]).get(name) if inside else None
            if path is None:
                raise InputError(f"there is no database {name!r}", where=str(self.folder))
            database = Database(path, limits=self.limits)
            self._open[name] = GuardedRunner(database, Guard(database.dialect, database.schema()), self.limits)
        return self._open[name]


def _rows(answer: Any) -> list[tuple[object, ...]] | None:
    """Rows of an answer that is a list of lists, a list of values or a value; None where a cell is none of SQL's."""
    entries = answer if isinstance(answer, list) else [answer]
    rows = [tuple(entry) if isinstance(entry, list) else (entry,) for entry in entries]
    return None if any(isinstance(cell, (dict, list)) for row in rows for cell in row) else rows
