"""Schema linking: one file, one linker. Each cuts a schema to what a question needs and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import LINKERS, Linked, Linker

if TYPE_CHECKING:
    from .collective import CollectiveLinker
    from .context import SchemaContext
    from .gold import GoldLinks, gold_links
    from .lexical import LexicalLinker
    from .policy import JoinablePolicy
    from .pool import PoolRanking, SchemaPool
    from .ranked import RankedLinker
    from .scored import ScoredLinker

__all__ = [
    "LINKERS",
    "CollectiveLinker",
    "GoldLinks",
    "JoinablePolicy",
    "LexicalLinker",
    "Linked",
    "Linker",
    "PoolRanking",
    "RankedLinker",
    "SchemaContext",
    "SchemaPool",
    "ScoredLinker",
    "gold_links",
]

_LAZY = {  # what needs numpy or sqlglot is imported when it is first asked for
    "CollectiveLinker": "collective",
    "GoldLinks": "gold",
    "JoinablePolicy": "policy",
    "LexicalLinker": "lexical",
    "PoolRanking": "pool",
    "RankedLinker": "ranked",
    "SchemaContext": "context",
    "SchemaPool": "pool",
    "ScoredLinker": "scored",
    "gold_links": "gold",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LAZY[name]}", __name__), name)
