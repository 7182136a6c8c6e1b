"""The prompt for small models (0.5B to 3B parameters), chosen by measuring (benchmarks/studies/chat_prompts.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...render.base import render
from .base import user_message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import Message

    from ..base import Request

__all__ = ["SmallPrompt"]


@dataclass(frozen=True)
class SmallPrompt:
    """One user message: CREATE TABLE statements, matched values, evidence, question, and last what to write.

    With 0.5B parameters on 80 training items (benchmarks/results/chat_prompts.json) it has the most right answers as
    written, 53.75 %: 51.25 % without the matched values (and no better with a system message), 45 % with M-Schema,
    43.75 % with three fixed worked examples, 42.5 % with a compact schema. Once repaired, the first three are within
    chance of each other, the others 5 points and more behind. Similar examples and skeletons are not measured yet.

    Attributes:
        form: Renderer of the schema.
    """

    form: str = "ddl.v1"
    name: str = "small"
    stop: tuple[str, ...] = ()

    def messages(self, request: Request) -> Sequence[Message]:
        """One user message."""
        return user_message(render(request.schema, self.form), request)
