"""What prompt_cache.py compares: each strategy stands between an agent's state and its model."""

from __future__ import annotations

import gzip
import json
import random
from functools import cache
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ClearToolUsesEdit, ContextEditingMiddleware
from langchain_core.messages import trim_messages
from langchain_core.messages.utils import count_tokens_approximately

from benchmarks.common.record import SHARED
from benchmarks.quality._scripted_agent import ABOUT, Strategy
from ctxprune.integrations.langchain import MessagePruner, PruningMiddleware, ToolSelectionMiddleware, ToolSelector

LIMITS = (1000, 2000, 3000)
"""Tokens of a tool result that were tried on the part "dev"."""
LIMIT = 2000
"""The one chosen there."""
TRIGGER = 20_000
"""Tokens of a conversation, by LangChain's count, above which its peers clear or trim."""
MANY_TOOLS = 60


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
    return Strategy(lambda scorer: [PruningMiddleware(MessagePruner(limit, scorer=scorer), stable=False)])


def _stable(recall: Any, asked_with: str = "", limit: int = LIMIT) -> Strategy:
    return Strategy(
        lambda scorer: [PruningMiddleware(MessagePruner(limit, scorer=scorer), recall=recall)], recall=asked_with
    )


def _clear() -> Strategy:
    return Strategy(lambda _: [ContextEditingMiddleware(edits=[ClearToolUsesEdit(trigger=TRIGGER)])], read_again=True)


def _trim() -> Strategy:
    return Strategy(lambda _: [TrimMiddleware()], read_again=True)


def _many_tools(*selection: AgentMiddleware) -> Strategy:
    """Stable pruning with many tools on offer; those that the script calls are always kept."""
    return Strategy(
        lambda scorer: [PruningMiddleware(MessagePruner(LIMIT, scorer=scorer)), *selection],
        "id",
        extra_tools=read_tools,
    )


@cache
def _tool_rows() -> list[Any]:
    with gzip.open(SHARED / "data" / "tools" / "seal_tools" / "tools.jsonl.gz", "rt", encoding="utf-8") as file:
        return random.Random(0).sample([json.loads(line) for line in file], MANY_TOOLS)


def read_tools() -> list[Any]:
    """Tools of Seal-Tools, as providers take them."""
    names = ("name", "description", "parameters")
    return [{"type": "function", "function": {name: row[name] for name in names}} for row in _tool_rows()]


STRATEGIES = {
    "none": Strategy(lambda _: []),
    "stable": _stable("tool", "id"),
    "stable, recall without id": _stable("tool", "question"),
    "stable, append": _stable("append"),
}
"""Those of the report that are measured on all runs."""

PEERS = {
    "rewrite": _rewrite(),
    "clear, read again": _clear(),
    "trim, read again": _trim(),
}
"""Those measured on a part of the runs: cutting anew reads each tool result again for each question."""

TOOL_LISTS = {
    "all tools": _many_tools(),
    "list that grows": _many_tools(ToolSelectionMiddleware(ToolSelector(always=tuple(ABOUT)))),
    "list anew": _many_tools(ToolSelectionMiddleware(ToolSelector(always=tuple(ABOUT)), stable=False)),
}
"""Lists of tools under stable pruning, with MANY_TOOLS more tools."""

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
