"""Schema linking: one file, one linker. Each cuts a schema to what a question needs and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .base import LINKERS, Linked, Linker

if TYPE_CHECKING:
    from .bypass import BypassLinker
    from .collective import CollectiveLinker
    from .contained import KeyLimits, contained_keys, with_contained_keys
    from .context import SchemaContext
    from .embedding import EmbeddingLinker
    from .focus import FocusLinker
    from .gold import GoldLinks, gold_links
    from .lexical import LexicalLinker
    from .policy import JoinablePolicy, TopTablesPolicy
    from .pool import PoolRanking, SchemaPool
    from .presql import PresqlLinker
    from .pruner import PrunerLinker
    from .ranked import RankedLinker
    from .ranked_pruner import RankedPrunerLinker
    from .scored import ScoredLinker
    from .soft import SoftLinker

__all__ = [
    "LINKERS",
    "BypassLinker",
    "CollectiveLinker",
    "EmbeddingLinker",
    "FocusLinker",
    "GoldLinks",
    "JoinablePolicy",
    "KeyLimits",
    "LexicalLinker",
    "Linked",
    "Linker",
    "PoolRanking",
    "PresqlLinker",
    "PrunerLinker",
    "RankedLinker",
    "RankedPrunerLinker",
    "SchemaContext",
    "SchemaPool",
    "ScoredLinker",
    "SoftLinker",
    "TopTablesPolicy",
    "contained_keys",
    "gold_links",
    "with_contained_keys",
]

_LAZY = {  # what needs numpy or sqlglot is imported when it is first asked for
    "BypassLinker": "bypass",
    "CollectiveLinker": "collective",
    "EmbeddingLinker": "embedding",
    "FocusLinker": "focus",
    "GoldLinks": "gold",
    "JoinablePolicy": "policy",
    "KeyLimits": "contained",
    "LexicalLinker": "lexical",
    "PoolRanking": "pool",
    "PresqlLinker": "presql",
    "PrunerLinker": "pruner",
    "RankedLinker": "ranked",
    "RankedPrunerLinker": "ranked_pruner",
    "SchemaContext": "context",
    "SchemaPool": "pool",
    "ScoredLinker": "scored",
    "SoftLinker": "soft",
    "TopTablesPolicy": "policy",
    "contained_keys": "contained",
    "gold_links": "gold",
    "with_contained_keys": "contained",
}


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f".{_LAZY[name]}", __name__), name)
