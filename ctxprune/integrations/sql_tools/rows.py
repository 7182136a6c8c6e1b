"""Rows of a query, cut to what a reply can hold: first long cells, then the rows and columns that are needed least."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ctxprune.errors import BudgetError
from ctxprune.integrations.sql_tools.budget import FittedContent, RoomSearch, cut_text
from ctxprune.policies import TableBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.tables import Table
from ctxprune.scorers import SCORERS
from ctxprune.scorers.base import score_batch
from ctxprune.sql.database.result_set import ResultSet
from ctxprune.utils.plain_data import as_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ctxprune.integrations.sql_tools.budget import ContentBudget

__all__ = ["fit_rows", "write_csv", "write_whole"]

_CELLS = (400, 60, 16)  # characters that a cell may have, tried in this order
_NAME = 60  # characters that the name of a column may have
_SCORED_CELLS = 30_000  # that the scorer reads, 0.5 seconds of processor time
_LEAST_CHARACTERS = 2  # of JSON that a token of the budget stands for at least where all rows are tried at once


def fit_rows(result: ResultSet, question: str, frame: Mapping[str, Any], budget: ContentBudget) -> FittedContent:
    """The frame with as much of a result as fits: `columns`, `rows`, `row_count`, `truncated`, and `note` with what was
    left out.

    Args:
        result: What the database gave.
        question: Decides on what stays; "" for the first rows.
        frame: The rest of the content.
        budget: Of the reply.

    Raises:
        BudgetError: The frame alone is too large.
    """
    content = write_whole(result, frame, budget)
    if content is not None:
        return FittedContent(content, complete=True)
    return FittedContent(_Fitting(result, frame, budget).cut(question), complete=False)


def write_whole(result: ResultSet, frame: Mapping[str, Any], budget: ContentBudget) -> dict[str, Any] | None:
    """The frame with all of a result; None where that does not fit. See `fit_rows`."""
    fitting = _Fitting(result, frame, budget)
    if not fitting.may_fit_whole():
        return None
    content = fitting.content(result)
    return content if budget.fits(content) else None


class _Fitting:
    def __init__(self, result: ResultSet, frame: Mapping[str, Any], budget: ContentBudget) -> None:
        self._result, self._frame, self._budget = result, frame, budget

    def may_fit_whole(self) -> bool:
        """Whether it is worth writing everything down: a cheap bound, since a result may have millions of bytes."""
        cells = len(self._result.rows) * len(self._result.columns)
        return cells * _LEAST_CHARACTERS <= 8 * self._budget.tokens

    def cut(self, question: str) -> dict[str, Any]:
        """The content with what fits."""
        for most in _CELLS:
            short = _shorten(self._result, most)
            chosen = self._choose(short, question) or self._first_rows(short)
            if chosen is not None:
                return chosen
        return self._first_columns(_shorten(self._result, _CELLS[-1]))

    def content(self, part: ResultSet, *, cells: int = 0, compared: int | None = None) -> dict[str, Any]:
        """The content with a part of the result.

        Args:
            part: Its rows and columns.
            cells: Of which so many were cut.
            compared: Rows that the part was chosen from; None for all.
        """
        return {
            **self._frame,
            "columns": list(part.columns),
            "rows": as_plain(part.rows),
            "row_count": len(self._result.rows),
            "truncated": self._result.truncated,
            "note": self._note(part, cells, compared),
        }

    def _note(self, part: ResultSet, cells: int, compared: int | None) -> str:
        rows, columns = len(self._result.rows), len(self._result.columns)
        parts = []
        if self._result.truncated:
            parts.append(f"the query has more rows than the {rows} that were read: narrow the SQL")
        if len(part.rows) < rows:
            parts.append(f"{len(part.rows)} of {rows} rows are shown")
        if compared is not None and compared < rows:
            parts.append(f"only the first {compared} rows were compared with the question")
        if len(part.columns) < columns:
            parts.append(f"{len(part.columns)} of {columns} columns are shown")
        if cells:
            parts.append(f"{cells} long cells end with …")
        return "; ".join(filter(None, [str(self._frame.get("note", "")), *parts]))

    def _choose(self, short: _Shortened, question: str) -> dict[str, Any] | None:
        """Rows and columns that the question needs most; None without a question, or where none fits."""
        width = len(short.result.columns)
        if not question.strip() or not short.result.rows or not width:
            return None
        most = max(1, _SCORED_CELLS // width)
        rows = short.result.rows[:most]
        table = Table(ResultSet(short.result.columns, rows))
        content = partial(self.content, cells=short.cells, compared=len(rows))
        scorer = SCORERS.get("tabular.v1")()
        (scores,) = score_batch(scorer, [question], [table])
        search = RoomSearch(self._budget, content(ResultSet((), ())))
        for room in search:
            try:
                part = Pruner(scorer, TableBudget(room)).prune_scored(question, table, scores).output
            except BudgetError:
                return None
            if not part.rows or not part.columns:
                return None
            chosen = content(part)
            if search.accepts(chosen):
                return chosen
        return None

    def _first_rows(self, short: _Shortened) -> dict[str, Any] | None:
        """The first rows with all columns; None where not even one fits."""
        result = short.result
        try:
            kept, content = self._budget.fill(
                len(result.rows),
                lambda rows: self.content(ResultSet(result.columns, result.rows[:rows]), cells=short.cells),
            )
        except BudgetError:  # the names of the columns alone are too many
            return None
        return content if kept or not result.rows else None

    def _first_columns(self, short: _Shortened) -> dict[str, Any]:
        """The first columns of the first row; of none where the rest of the content leaves no room."""
        result = short.result
        row = result.rows[:1]
        return self._budget.fill(
            len(result.columns),
            lambda columns: self.content(
                ResultSet(result.columns[:columns], tuple(cells[:columns] for cells in row)), cells=short.cells
            ),
        )[1]


@dataclass(frozen=True)
class _Shortened:
    """A result of which cells were cut, and how many."""

    result: ResultSet
    cells: int


def _shorten(result: ResultSet, most: int) -> _Shortened:
    cut = 0

    def short(cell: object) -> object:
        nonlocal cut
        if isinstance(cell, int) and cell.bit_length() > 4 * most:  # of a database with numbers of any length
            cell = str(cell)
        if isinstance(cell, (str, bytes)) and len(cell) > most:
            cut += 1
            # Bytes are written as hexadecimal digits, two for each.
            return cell[:most] + "…" if isinstance(cell, str) else f"{cell[: most // 2].hex()}…"
        return cell

    rows = tuple(tuple(map(short, row)) for row in result.rows)
    names = tuple(cut_text(name, _NAME) for name in result.columns)
    return _Shortened(ResultSet(names, rows, result.truncated, result.ms), cut)


def write_csv(result: ResultSet) -> str:
    """All rows as CSV, from which parts can be pruned again; NULL is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(["" if cell is None else as_plain(cell) for cell in row] for row in result.rows)
    return text.getvalue()
