"""LangChain: a document compressor and a retriever that prune, NL2SQL as a runnable and as a tool, agent middleware.

Names are imported when they are first used. The extra `langchain` brings what they need; `PruningMiddleware` and
`ToolSelectionMiddleware` need the extra `agents`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune._extras import require

if TYPE_CHECKING:
    from ctxprune.integrations._accounts import restored
    from ctxprune.integrations.langchain.compressor import PruningCompressor
    from ctxprune.integrations.langchain.messages import MessagePruner, PruneToolResults
    from ctxprune.integrations.langchain.middleware import PruningMiddleware, ToolSelectionMiddleware
    from ctxprune.integrations.langchain.retriever import PruningRetriever
    from ctxprune.integrations.langchain.sql import answer_text, sql_runnable, sql_tool
    from ctxprune.integrations.langchain.tools import ToolsContext, ToolSelector

_HOMES = {
    "MessagePruner": "messages",
    "PruneToolResults": "messages",
    "PruningCompressor": "compressor",
    "PruningMiddleware": "middleware",
    "PruningRetriever": "retriever",
    "ToolSelectionMiddleware": "middleware",
    "ToolSelector": "tools",
    "ToolsContext": "tools",
    "answer_text": "sql",
    "restored": "._accounts",
    "sql_runnable": "sql",
    "sql_tool": "sql",
}

__all__ = [
    "MessagePruner",
    "PruneToolResults",
    "PruningCompressor",
    "PruningMiddleware",
    "PruningRetriever",
    "ToolSelectionMiddleware",
    "ToolSelector",
    "ToolsContext",
    "answer_text",
    "restored",
    "sql_runnable",
    "sql_tool",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    require("langchain_core", "langchain")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
