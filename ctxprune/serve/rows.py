"""Rows of a query, cut to a token budget before a language model reads them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from ctxprune.errors import BudgetError
from ctxprune.integrations.sql_tools.budget import fill_budget
from ctxprune.policies import TableBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.tables import Table
from ctxprune.serve.replies import encode
from ctxprune.serve.scoring import Outcome, Scored, Task
from ctxprune.sql.database.result_set import ResultSet
from ctxprune.tokens import as_counter
from ctxprune.utils.plain_data import as_plain

if TYPE_CHECKING:
    from ctxprune.scorers.base import Scorer

__all__ = ["ROWS_PATH", "Cut", "RowsRequest", "cut_without_scores", "plan", "reply", "request_of"]

ROWS_PATH = "rows"
"""What a worker process knows this work by; no path of the service, so that no client sends rows of its own."""


class RowsRequest(BaseModel):
    """Rows that a query gave, as plain data.

    Attributes:
        question: What they are needed for; "" where nobody said so.
        budget: Tokens of `Cut.text`.
        sql: What gave them.
        columns, rows: The result; cells are what JSON can hold.
        truncated: Whether a limit cut rows off before they came here.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    question: str
    budget: int
    sql: str
    columns: list[str]
    rows: list[list[Any]]
    truncated: bool

    @cached_property
    def table(self) -> Table[ResultSet]:
        """The rows as a context."""
        return Table(ResultSet(tuple(self.columns), tuple(map(tuple, self.rows)), self.truncated))


@dataclass(frozen=True)
class Cut:
    """Some of the rows and columns of a result.

    Attributes:
        table: All of them.
        kept: Indices of the kept units of `table`.
        truncated: Whether there were more rows than those of `table`.
    """

    table: Table[ResultSet]
    kept: frozenset[int]
    truncated: bool

    @property
    def note(self) -> str:
        """What was left out; "" where nothing was."""
        note = self.table.omission_note(self.kept)
        if not self.truncated:
            return note
        read = len(self.table.grids[0].rows)
        more = f"the query gives more than the {read} rows that were read"
        return f"({note[1:-1]}; {more})" if note else f"({more})"

    @property
    def text(self) -> str:
        """The kept cells as CSV, with a line of column names, under a line with the note where there is one."""
        csv = self.table.to_text(self.kept)
        return f"# {self.note}\n{csv}" if self.note else csv

    def result(self) -> ResultSet:
        """The kept rows with their kept columns."""
        return self.table.render(self.kept)


def cut_without_scores(request: RowsRequest) -> Cut | None:
    """All rows where they fit into the budget, else without a question the first ones that do; None where the choice
    needs scores.

    Raises:
        BudgetError: Not even the note fits.
    """
    table = request.table
    whole = Cut(table, frozenset(range(len(table.units))), request.truncated)
    if as_counter().count(whole.text) <= request.budget:
        return whole
    return None if request.question.strip() else _first_rows(request, table)


def _first_rows(request: RowsRequest, table: Table[ResultSet]) -> Cut:
    grid, counter = table.grids[0], as_counter()

    def build(rows: int) -> Cut:
        return Cut(table, frozenset((*grid.column_units, *grid.row_units[:rows])), request.truncated)

    try:
        return fill_budget(len(grid.rows), build, lambda cut: counter.count(cut.text) <= request.budget)[1]
    except BudgetError:
        raise _no_room(request.budget) from None


def plan(request: RowsRequest, scorer: Scorer, _request_id: str) -> Task[Outcome]:
    """What is to be done for rows that a question is asked of."""

    def finish(scored: Scored) -> Outcome:
        return reply(request, _best_rows(request, scored, scorer), scored.seconds)

    return Task(request.question, lambda: request.table, finish)


def _best_rows(request: RowsRequest, scored: Scored, scorer: Scorer) -> Cut:
    """The rows that the question needs most, with the note within the budget.

    Raises:
        BudgetError: Not even the note fits.
    """
    room = request.budget
    while True:
        # A row may be too large for any budget; then the note alone says so.
        pruner = Pruner(scorer, TableBudget(max(room, 0)), None, "drop")
        pruned = pruner.prune_scored(request.question, scored.context, scored.units)
        cut = Cut(request.table, frozenset(unit.index for unit in pruned.kept), request.truncated)
        over = as_counter().count(cut.text) - request.budget
        if over <= 0:
            return cut
        if room <= 0:
            raise _no_room(request.budget)
        # What the note takes depends on what it has to tell, so that it is known only now.
        room = min(room, pruned.tokens_after) - over


def _no_room(budget: int) -> BudgetError:
    return BudgetError(f"not even the note on what is left out fits into the {budget} tokens", hint="raise the budget")


def reply(request: RowsRequest, cut: Cut, seconds: float = 0.0) -> Outcome:
    """The answer to `POST /v1/sql/run`, with its tokens before and after."""
    counter, result = as_counter(), cut.result()
    whole = Cut(cut.table, frozenset(range(len(cut.table.units))), truncated=False)
    tokens = (counter.count(whole.text), counter.count(cut.text))
    body = {
        "sql": request.sql,
        "columns": result.columns,
        "rows": result.rows,
        "text": cut.text,
        "note": cut.note,
        "rows_read": len(request.rows),
        "truncated": request.truncated,
        "tokens_before": tokens[0],
        "tokens_after": tokens[1],
        "counter": counter.name,
    }
    fields: dict[str, object] = {"rows": len(request.rows), "tokens": tokens[0]}
    return Outcome(encode(body), "rows", tokens, {"score": seconds} if seconds else {}, fields)


def request_of(question: str, budget: int, sql: str, result: ResultSet) -> RowsRequest:
    """The request that a result makes; cells that JSON lacks come as texts."""
    rows: list[list[Any]] = as_plain(result.rows)
    return RowsRequest(
        question=question, budget=budget, sql=sql, columns=list(result.columns), rows=rows, truncated=result.truncated
    )
