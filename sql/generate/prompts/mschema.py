"""The M-Schema prompt: columns with types, comments and example values, under the marks of XiYan-SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.llm.base import Message

from ...render.base import render
from .base import dialect_name, example_lines, one_line, visible_hits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base import Request

__all__ = ["MSchemaPrompt"]

_MARKS = str.maketrans("【】", "[]")  # in a question they would open a section


@dataclass(frozen=True)
class MSchemaPrompt:
    """One user message: M-Schema, where matched values stand first among a column's examples, evidence and question.

    The schema's form is that of XiYan-SQL (Gao et al., 2024, arXiv:2411.08599).
    """

    name: str = "mschema"
    stop: tuple[str, ...] = ()

    def messages(self, request: Request) -> Sequence[Message]:
        """One user message."""
        parts = [render(request.schema, "mschema.v1", hits=visible_hits(request))]
        if request.examples:
            parts += [
                "【Examples】",
                *(line.translate(_MARKS) for line in example_lines(request.examples, request.schema.name)),
            ]
        parts.append(f"【Question】 {one_line(request.question).translate(_MARKS)}")
        if request.evidence:
            parts.append(f"【Evidence】 {one_line(request.evidence).translate(_MARKS)}")
        parts.append(
            f"Read the schema and write the {dialect_name(request.schema.dialect)} query that answers the question. "
            "Answer with the SQL only, between ```sql and ```."
        )
        return [Message("user", "\n".join(parts))]
