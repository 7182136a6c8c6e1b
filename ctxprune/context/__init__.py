"""Contexts: what is pruned, as units with their texts, parents and requirements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.context.base import Context, Unit, as_context
    from ctxprune.context.grid import Grid
    from ctxprune.context.joined import Joined, JoinedContext
    from ctxprune.context.memo import ContextMemo
    from ctxprune.context.scores import Scores, as_scores
    from ctxprune.context.subset import ContextSubset

__all__ = [
    "Context",
    "ContextMemo",
    "ContextSubset",
    "Grid",
    "Joined",
    "JoinedContext",
    "Scores",
    "Unit",
    "as_context",
    "as_scores",
]

_HOMES = {
    "Context": "base",
    "ContextMemo": "memo",
    "ContextSubset": "subset",
    "Grid": "grid",
    "Joined": "joined",
    "JoinedContext": "joined",
    "Scores": "scores",
    "Unit": "base",
    "as_context": "base",
    "as_scores": "scores",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
