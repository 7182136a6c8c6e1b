"""What the repairs by a chat model share: the schema that is shown, the one question, the answer that is taken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import ModelError
from ctxprune.llm.base import Message, Sampling
from ctxprune.llm.calls import ask_model

from ..generate.extract import extract_sql
from ..generate.prompts.base import hit_lines, one_line
from ..render.base import render
from ..schema.schema import ColumnRef
from .base import Repairer
from .name_check import restore
from .tree import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatModel

    from ..schema.schema import Schema
    from .base import Failure
    from .name_check import NameIssue

__all__ = ["AskingRepairer"]

_SYSTEM = "You correct one SQL SELECT query. Answer with the SQL only."


@dataclass(frozen=True)
class AskingRepairer(Repairer):
    """Asks a chat model once, at temperature 0. A failing model is no repair; the call stands in the trace.

    The prompt holds the linked schema, the tables that the statement names, and where the columns lie that were pruned
    away from it; all of the schema where no linker ran.

    Attributes:
        model: The chat model.
        form: Renderer of the schema.
        max_tokens, seconds: Limits of the answer.
    """

    model: ChatModel
    form: str = "ddl.v1"
    max_tokens: int = 256
    seconds: float = 120.0

    def ask(self, failure: Failure, told: Sequence[str], issues: Sequence[NameIssue] = ()) -> str:
        """Another statement; "" where the model failed or wrote the same one again.

        Args:
            failure: The statement that did not do.
            told: Lines about it, after the question.
            issues: Names of it that are shown where they lie.
        """
        lines = [render(_shown_schema(failure, issues), self.form), ""]
        lines += [f"-- Stored value: {line}" for line in hit_lines(failure.hits)]
        lines += [f"-- Question: {one_line(failure.question)}", *(f"-- {line}" for line in told)]
        messages = [Message("system", _SYSTEM), Message("user", "\n".join(lines))]
        sampling = Sampling(max_tokens=self.max_tokens, seconds=self.seconds, stop=(";",))
        try:
            text = ask_model(self.model, messages, sampling)[0].text
        except ModelError:
            return ""
        sql = extract_sql(text).sql
        return "" if " ".join(sql.split()) == " ".join(failure.sql.split()) else sql


def _shown_schema(failure: Failure, issues: Sequence[NameIssue]) -> Schema:
    """What the question and the statement need of the schema."""
    full, linked = failure.schema, failure.linked
    if linked is None:
        return full
    names = _names(failure.sql, full.dialect)
    named = [table for table in full.tables if table.name.casefold() in names]
    refs = [ColumnRef(table.name, column.name) for table in named for column in table.columns]
    shown = full.subset([*linked.refs(), *refs], [table.name for table in (*linked.tables, *named)])
    return restore(shown, issues, full)


def _names(sql: str, dialect: str) -> set[str]:
    """The tables of a statement, folded; its words where it cannot be read."""
    from sqlglot import exp

    tree = parse(sql, dialect)
    if tree is None:
        return set(re.findall(r"\w+", sql.casefold()))
    return {table.name.casefold() for table in tree.find_all(exp.Table)}
