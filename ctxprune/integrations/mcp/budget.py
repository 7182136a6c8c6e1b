"""The token budget of one reply of the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ctxprune.integrations.sql_tools.budget import DEFAULT_TOKENS, MIN_TOKENS, ContentBudget

__all__ = ["DEFAULT_TOKENS", "MIN_TOKENS", "ReplyBudget"]


@dataclass(frozen=True)
class ReplyBudget(ContentBudget):
    """Tokens that one reply may take; see `ContentBudget`.

    A reply carries its content twice, as the protocol asks: structured, and as the same JSON in a text block for older
    clients. A client shows its model one of them or both, so both count.
    """

    copies: ClassVar[int] = 2
    remedy: ClassVar[str] = "start the server with a larger --budget"
