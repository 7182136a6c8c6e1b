"""Rows that a database gave, pruned before a language model reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.policies import TableBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.tables import Table

if TYPE_CHECKING:
    from ctxprune.pruning.result import Pruned
    from ctxprune.sql.database.result_set import ResultSet
    from ctxprune.sql.pipeline.answer import Answer

__all__ = ["prune_answer"]


def prune_answer(answer: Answer, *, pruner: Pruner | None = None) -> Pruned[ResultSet]:
    """What the rows of an answer keep for its question: a `ResultSet` with some of the columns and rows.

    The note of the result says what was left out, so that the reader does not take the rows for all there are. A
    `ResultSet` from elsewhere is pruned by itself: `prune(question, Table(result))`.

    Args:
        answer: One that is not refused.
        pruner: By default the tabular scorer within 2,000 tokens.

    Raises:
        UsageError: The answer is refused.
        BudgetError: As `Pruner.prune`.
    """
    if answer.result is None:
        raise UsageError(f"the answer is refused ({answer.reason})", hint="only answers with rows can be pruned")
    pruner = Pruner("tabular.v1", TableBudget(2000)) if pruner is None else pruner
    return pruner.prune(answer.question, Table(answer.result))
