"""What prompt_cache.py compares: each strategy stands between an agent's state and its model."""

from __future__ import annotations

from typing import Any

from langchain.agents.middleware import AgentMiddleware, ClearToolUsesEdit, ContextEditingMiddleware
from langchain_core.messages import trim_messages
from langchain_core.messages.utils import count_tokens_approximately

from benchmarks.quality._scripted_agent import Strategy
from ctxprune.integrations.langchain import MessagePruner, PruningMiddleware

LIMITS = (1000, 2000, 3000)
"""Tokens of a tool result that were tried on the part "dev"."""
LIMIT = 2000
"""The one chosen there."""
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


def _rewrite(limit: int = LIMIT) -> Strategy:
    return Strategy(lambda: [PruningMiddleware(MessagePruner(limit), stable=False)])


def _stable(recall: Any, asked_with: str = "", limit: int = LIMIT) -> Strategy:
    return Strategy(lambda: [PruningMiddleware(MessagePruner(limit), recall=recall)], recall=asked_with)


def _clear(*, read_again: bool) -> Strategy:
    return Strategy(
        lambda: [ContextEditingMiddleware(edits=[ClearToolUsesEdit(trigger=TRIGGER)])], read_again=read_again
    )


STRATEGIES = {
    "none": Strategy(list),
    "rewrite": _rewrite(),
    "stable": _stable("tool", "id"),
    "stable, recall without id": _stable("tool", "question"),
    "stable, no call of recall": _stable("tool"),
    "stable, append": _stable("append"),
    "clear": _clear(read_again=False),
    "clear, read again": _clear(read_again=True),
    "trim": Strategy(lambda: [TrimMiddleware()]),
    "trim, read again": Strategy(lambda: [TrimMiddleware()], read_again=True),
}
"""Those of the report."""

STUDIED = {
    f"{name}, {limit}": make(limit)
    for limit in LIMITS
    for name, make in {
        "rewrite": _rewrite,
        "stable": lambda limit: _stable("tool", "id", limit),
        "stable, recall without id": lambda limit: _stable("tool", "question", limit),
        "stable, append": lambda limit: _stable("append", limit=limit),
    }.items()
}
"""Those of which the limit was chosen, on the part "dev"."""
