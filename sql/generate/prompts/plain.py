"""The plain prompt: the whole schema, the question, nothing else. The baseline of every comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.llm.base import Message

from ...render.base import render
from .base import dialect_name, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base import Request

__all__ = ["PlainPrompt"]


@dataclass(frozen=True)
class PlainPrompt:
    """CREATE TABLE statements and the question in one user message; examples and matched values are not shown.

    Attributes:
        form: Renderer of the schema.
    """

    form: str = "ddl.v1"
    name: str = "plain"
    stop: tuple[str, ...] = ()

    def messages(self, request: Request) -> Sequence[Message]:
        """One user message."""
        dialect = dialect_name(request.schema.dialect)
        known = f"Extra knowledge: {one_line(request.evidence)}\n" if request.evidence else ""
        text = (
            f"{render(request.schema, self.form)}\n\n"
            f"{known}Question: {one_line(request.question)}\n"
            f"Write one {dialect} query that answers the question. Answer with the SQL only."
        )
        return [Message("user", text)]
