"""Repair by a chat model: it reads its statement and the error, and writes another."""

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
from .name_check import check_names, restore_columns
from .tree import parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatModel

    from ..schema.schema import Schema
    from .base import Failure
    from .name_check import NameIssue

__all__ = ["ChatRepair", "ModelRepairer"]

_SYSTEM = "You correct one SQL SELECT query. Answer with the SQL only."


@dataclass(frozen=True)
class ModelRepairer(Repairer):
    """Base of the repairs by a chat model, which is called once, at temperature 0. A failing model is no repair; the
    call is in the trace.

    The prompt holds the linked schema, the tables that the statement names, and the columns that it names and that were
    pruned away; all of the schema where no linker ran.

    Attributes:
        model: The chat model.
        form: Renderer of the schema.
        max_tokens, seconds: Limits of the answer.
    """

    model: ChatModel
    form: str = "ddl.v1"
    max_tokens: int = 256
    seconds: float = 120.0

    def request_repair(self, failure: Failure, notes: Sequence[str], issues: Sequence[NameIssue] = ()) -> str:
        """Another statement; "" where the model failed or wrote the same one again.

        Args:
            failure: The statement that failed.
            notes: Lines about it, after the question.
            issues: Names of it whose columns are added to the schema.
        """
        lines = [render(_shown_schema(failure, issues), self.form), ""]
        lines += [f"-- Stored value: {line}" for line in hit_lines(failure.hits)]
        lines += [f"-- Question: {one_line(failure.question)}", *(f"-- {line}" for line in notes)]
        messages = [Message("system", _SYSTEM), Message("user", "\n".join(lines))]
        sampling = Sampling(max_tokens=self.max_tokens, seconds=self.seconds, stop=(";",))
        try:
            text = ask_model(self.model, messages, sampling)[0].text
        except ModelError:
            return ""
        sql = extract_sql(text).sql
        # The same statement would only fail again.
        return "" if " ".join(sql.split()) == " ".join(failure.sql.split()) else sql


@dataclass(frozen=True)
class ChatRepair(ModelRepairer):
    """Asks where a statement failed; says which of its names do not exist, and which similar ones do."""

    def repair(self, failure: Failure) -> str:
        """Another statement; "" where the query ran, the model failed, or it wrote the same one again."""
        if not failure.error:
            return ""
        issues = check_names(failure.sql, failure.schema, failure.linked)
        notes = [
            f"This query failed: {one_line(failure.sql)}",
            f"Error: {one_line(failure.error, 300)}",
            *(f"Note: {one_line(str(issue), 300)}" for issue in issues if issue.breaks),
            "Write the corrected query. Use only tables and columns from above.",
        ]
        return self.request_repair(failure, notes, issues)


def _shown_schema(failure: Failure, issues: Sequence[NameIssue]) -> Schema:
    """What the question and the statement need of the schema."""
    full, linked = failure.schema, failure.linked
    if linked is None:
        return full
    names = _names(failure.sql, full.dialect)
    # A statement may name pruned tables: the model must see them to correct it.
    named = [table for table in full.tables if table.name.casefold() in names]
    refs = [ColumnRef(table.name, column.name) for table in named for column in table.columns]
    shown = full.subset([*linked.refs(), *refs], [table.name for table in (*linked.tables, *named)])
    return restore_columns(shown, issues, full)


def _names(sql: str, dialect: str) -> set[str]:
    """The tables of a statement, folded; its words where it cannot be read."""
    from sqlglot import exp

    tree = parse(sql, dialect)
    if tree is None:
        return set(re.findall(r"\w+", sql.casefold()))
    return {table.name.casefold() for table in tree.find_all(exp.Table)}
