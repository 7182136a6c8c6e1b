"""Refinement by a chat model: it sees that its statement returned nothing, and stored values near its texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from ..generate.prompts.base import one_line
from .chat import ModelRepairer
from .tree import parse

if TYPE_CHECKING:
    from .base import Failure

__all__ = ["ChatRefine", "expects_rows"]


@dataclass(frozen=True)
class ChatRefine(ModelRepairer):
    """Asks where a statement ran and gave no row, or only NULLs.

    Who runs the answer keeps the original where the new statement gives nothing either.
    """

    def repair(self, failure: Failure) -> str:
        """Another statement; "" where the query failed, an empty result may well be right (see `expects_rows`), the
        model failed, or it wrote the same one again."""
        if failure.error or failure.result is None or not expects_rows(failure.sql, failure.schema.dialect):
            return ""
        gave = "only NULL" if failure.result.rows else "no row"
        notes = [
            f"This query ran: {one_line(failure.sql)}",
            f"It gave {gave}, but the question expects an answer.",
            "Write the corrected query. Write texts as they are stored. Use only tables and columns from above.",
        ]
        return self.request_repair(failure, notes)


def expects_rows(sql: str, dialect: str) -> bool:
    """Whether an empty result speaks against a statement.

    It does where there are conditions, and none of them asks for what is missing (EXCEPT, NOT IN, NOT EXISTS, IS NULL).
    """
    tree = parse(sql, dialect)
    if tree is None or tree.find(exp.Except) is not None:
        return False
    # Who asks for what is missing may well get nothing.
    if any(isinstance(item.this, (exp.In, exp.Exists)) for item in tree.find_all(exp.Not)):
        return False
    nulls = (item for item in tree.find_all(exp.Is) if isinstance(item.expression, exp.Null))
    if any(not isinstance(item.parent, exp.Not) for item in nulls):
        return False
    return tree.find(exp.Where, exp.Having, exp.Join, exp.Intersect) is not None
