"""What prompt_cache.py compares: each strategy stands between an agent's state and its model."""

from __future__ import annotations

from typing import Any

from langchain.agents.middleware import AgentMiddleware, ClearToolUsesEdit, ContextEditingMiddleware
from langchain_core.messages import trim_messages
from langchain_core.messages.utils import count_tokens_approximately

from benchmarks.quality._scripted_agent import Strategy
from ctxprune.integrations.langchain import MessagePruner, PruningMiddleware

TRIGGER = 20_000
"""Tokens of a conversation, by LangChain's count, above which its peers clear or trim."""


class TrimMiddleware(AgentMiddleware):
    """Drops the oldest messages, as `trim_messages` of langchain-core does with the settings that its guide gives."""

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        """The model's answer to the last messages that fit."""
        kept = trim_messages(
            request.messages, max_tokens=TRIGGER, token_counter=count_tokens_approximately, strategy="last",
            start_on="human", include_system=True,
        )  # fmt: skip
        return handler(request.override(messages=kept))


def _clear() -> list[Any]:
    return [ContextEditingMiddleware(edits=[ClearToolUsesEdit(trigger=TRIGGER)])]


STRATEGIES = {
    "none": Strategy(list),
    "rewrite": Strategy(lambda: [PruningMiddleware(MessagePruner())]),
    "clear": Strategy(_clear),
    "clear, read again": Strategy(_clear, read_again=True),
    "trim": Strategy(lambda: [TrimMiddleware()]),
    "trim, read again": Strategy(lambda: [TrimMiddleware()], read_again=True),
}
