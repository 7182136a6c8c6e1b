"""LangChain: a document compressor and a retriever that prune, NL2SQL as a runnable and as a tool, agent middleware.

Names are imported when they are first used. The extra `langchain` brings what they need; `PruningMiddleware` and
`ToolSelectionMiddleware` need the extra `agents`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ctxprune.utils.extras import require
from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.integrations._accounts import restored
    from ctxprune.integrations.langchain.compressor import PruningCompressor
    from ctxprune.integrations.langchain.messages import MessagePruner, PruneToolResults
    from ctxprune.integrations.langchain.middleware import PruningMiddleware, ToolSelectionMiddleware
    from ctxprune.integrations.langchain.retriever import PruningRetriever
    from ctxprune.integrations.langchain.sql import answer_text, sql_runnable, sql_tool
    from ctxprune.integrations.langchain.tools import ToolSelector

_HOMES = {
    "MessagePruner": "messages",
    "PruneToolResults": "messages",
    "PruningCompressor": "compressor",
    "PruningMiddleware": "middleware",
    "PruningRetriever": "retriever",
    "ToolSelectionMiddleware": "middleware",
    "ToolSelector": "tools",
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
    "answer_text",
    "restored",
    "sql_runnable",
    "sql_tool",
]

__getattr__, __dir__ = lazy(__name__, _HOMES, first=partial(require, "langchain_core", "langchain"))
