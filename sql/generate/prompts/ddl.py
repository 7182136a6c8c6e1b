"""The code prompt: everything is one SQL script, and the answer is its next statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.llm.base import Message

from ...render.ddl import DDL
from .base import dialect_name, hit_lines, one_line, visible_hits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base import Request

__all__ = ["DDLPrompt"]


@dataclass(frozen=True)
class DDLPrompt:
    """One user message: CREATE TABLE statements with example values, and the question as a comment above the answer.

    The code representation of Nan et al. (2023, arXiv:2305.12586), which DAIL-SQL (Gao et al., 2023, arXiv:2308.15363)
    found best for models of code.
    """

    name: str = "ddl"
    stop: tuple[str, ...] = ()

    def messages(self, request: Request) -> Sequence[Message]:
        """One user message."""
        # Hits on pruned columns would name what the schema of this path leaves out.
        hits = visible_hits(request)
        parts = [DDL().render(request.schema, hits=hits), ""]
        for example in request.examples:
            parts += [f"-- Example: {one_line(example.question, 400)}", f"{one_line(example.sql, 800)};", ""]
        lines = hit_lines(hits)
        if lines:
            parts.append(f"-- Stored values: {'; '.join(lines)}")
        if request.evidence:
            parts.append(f"-- Hint: {one_line(request.evidence)}")
        parts += [
            f"-- Using valid {dialect_name(request.schema.dialect)}, answer this question about the tables above:",
            f"-- {one_line(request.question)}",
            "-- Continue with the query only.",
        ]
        return [Message("user", "\n".join(parts))]
