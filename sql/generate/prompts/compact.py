"""The compact prompt: one line a table, for the most schema in the fewest tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...render.base import render
from .base import dialect_name, user_message, visible_hits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import Message

    from ..base import Request

__all__ = ["CompactPrompt"]


@dataclass(frozen=True)
class CompactPrompt:
    """One user message: `table(column, column [matched value])` lines and key lines, then as `SmallPrompt`."""

    name: str = "compact"
    stop: tuple[str, ...] = ()

    def messages(self, request: Request) -> Sequence[Message]:
        """One user message."""
        tables = render(request.schema, "compact.v1", hits=visible_hits(request))
        head = f"Tables of a {dialect_name(request.schema.dialect)} database:"
        return user_message(f"{head}\n{tables}", request, values=False)
