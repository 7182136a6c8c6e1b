"""The prompt for small models (0.5B to 3B parameters), chosen by measuring (benchmarks/chat_prompts.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...render.base import render
from ..model import Message
from .base import dialect_name, hit_lines, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base import Request

__all__ = ["SmallPrompt"]


@dataclass(frozen=True)
class SmallPrompt:
    """One user message: CREATE TABLE statements, matched values, evidence, question, and last what to write.

    On 0.5B parameters every addition cost accuracy: a system message, worked examples, example values in the schema,
    questions as SQL comments. Only the stored values that the question mentions paid for themselves.

    Attributes:
        form: Renderer of the schema.
    """

    form: str = "ddl.v1"
    name: str = "small"
    stop: tuple[str, ...] = ()

    def messages(self, request: Request) -> Sequence[Message]:
        """One user message."""
        parts = [render(request.schema, self.form), ""]
        lines = hit_lines(request.hits)
        if lines:
            parts.append(f"Stored values: {'; '.join(lines)}")
        if request.evidence:
            parts.append(f"Hint: {one_line(request.evidence)}")
        parts += [
            f"Question: {one_line(request.question)}",
            f"Write one {dialect_name(request.schema.dialect)} query that answers the question. "
            "Answer with the SQL only.",
        ]
        return [Message("user", "\n".join(parts))]
