"""LangChain: a document compressor and a retriever that prune, and NL2SQL as a runnable and as a tool.

Names are imported when they are first used; the extra `langchain` brings what they need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune._extras import require

if TYPE_CHECKING:
    from ctxprune.integrations.langchain.compressor import PruningCompressor
    from ctxprune.integrations.langchain.documents import restored
    from ctxprune.integrations.langchain.retriever import PruningRetriever
    from ctxprune.integrations.langchain.sql import answer_text, sql_runnable, sql_tool

_HOMES = {
    "PruningCompressor": "compressor",
    "PruningRetriever": "retriever",
    "answer_text": "sql",
    "restored": "documents",
    "sql_runnable": "sql",
    "sql_tool": "sql",
}

__all__ = ["PruningCompressor", "PruningRetriever", "answer_text", "restored", "sql_runnable", "sql_tool"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    require("langchain_core", "langchain")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
