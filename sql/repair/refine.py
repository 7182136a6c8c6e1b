"""Refinement by a chat model: it sees that its statement gave nothing, and what is stored near its texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from ctxprune.errors import ModelError

from ..generate.extract import extract_sql
from ..generate.model import Message, Sampling, ask_model
from ..generate.prompts.base import hit_lines, one_line
from ..render.base import render
from .chat import shown_schema
from .tree import parse

if TYPE_CHECKING:
    from ..generate.model import ChatModel
    from .base import Failure

__all__ = ["ChatRefine", "expects_rows"]


@dataclass(frozen=True)
class ChatRefine:
    """Asks once, at temperature 0, where a statement ran and gave no row, or only NULLs.

    A failing model changes nothing; the call stands in the trace. Who runs the answer keeps the original where the new
    statement gives nothing either.

    Attributes:
        model: The chat model.
        form: Renderer of the schema.
        max_tokens, seconds: Limits of the answer.
    """

    model: ChatModel
    form: str = "ddl.v1"
    max_tokens: int = 256
    seconds: float = 120.0

    def repair(self, failure: Failure) -> str:
        """Another statement; "" where the query failed, an empty result may well be right (see `expects_rows`), the
        model failed, or it wrote the same one again."""
        if failure.error or failure.result is None or not expects_rows(failure.sql, failure.schema.dialect):
            return ""
        gave = "only NULL" if failure.result.rows else "no row"
        lines = [render(shown_schema(failure), self.form), ""]
        lines += [f"-- Stored value: {line}" for line in hit_lines(failure.hits)]
        lines += [
            f"-- Question: {one_line(failure.question)}",
            f"-- This query ran: {one_line(failure.sql)}",
            f"-- It gave {gave}, but the question expects an answer.",
            "-- Write the corrected query. Write texts as they are stored. Use only tables and columns from above.",
        ]
        system = "You correct one SQL SELECT query. Answer with the SQL only."
        messages = [Message("system", system), Message("user", "\n".join(lines))]
        sampling = Sampling(max_tokens=self.max_tokens, seconds=self.seconds, stop=(";",))
        try:
            text = ask_model(self.model, messages, sampling)[0].text
        except ModelError:
            return ""
        sql = extract_sql(text).sql
        return "" if " ".join(sql.split()) == " ".join(failure.sql.split()) else sql


def expects_rows(sql: str, dialect: str) -> bool:
    """Whether an empty result speaks against a statement.

    It does where there are conditions, and none of them asks for what is missing (EXCEPT, NOT IN, NOT EXISTS, IS NULL).
    """
    tree = parse(sql, dialect)
    if tree is None or tree.find(exp.Except) is not None:
        return False
    if any(isinstance(item.this, (exp.In, exp.Exists)) for item in tree.find_all(exp.Not)):
        return False
    nulls = (item for item in tree.find_all(exp.Is) if isinstance(item.expression, exp.Null))
    if any(not isinstance(item.parent, exp.Not) for item in nulls):
        return False
    return tree.find(exp.Where, exp.Having, exp.Join, exp.Intersect) is not None
