"""The prompt for small models (0.5B to 3B parameters), chosen by measuring (benchmarks/chat_prompts.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...render.base import render
from .base import user_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base import Request
    from ..model import Message

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
        return user_message(render(request.schema, self.form), request)
