"""The prompt for small models (0.5B to 3B parameters), chosen by measuring (benchmarks/chat_prompts.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...render.base import render
from ..model import Message
from .base import hit_lines, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base import Request

__all__ = ["SmallPrompt"]

_DIALECTS = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mysql": "MySQL", "duckdb": "DuckDB"}


@dataclass(frozen=True)
class SmallPrompt:
    """System: who and how. User: schema, matched values, question.

    Attributes:
        form: Renderer of the schema.
    """

    form: str = "ddl.v1"
    name: str = "small"
    stop: tuple[str, ...] = (";",)

    def messages(self, request: Request) -> Sequence[Message]:
        """A system and a user message."""
        dialect = _DIALECTS.get(request.schema.dialect, request.schema.dialect)
        parts = [render(request.schema, self.form), ""]
        lines = hit_lines(request.hits)
        if lines:
            parts += ["-- Stored values that the question may mean:", *(f"-- {line}" for line in lines)]
        if request.evidence:
            parts.append(f"-- Hint: {one_line(request.evidence)}")
        parts.append(f"-- Question: {one_line(request.question)}")
        system = f"You write one {dialect} SELECT query that answers the question. Answer with the SQL only."
        return [Message("system", system), Message("user", "\n".join(parts))]
