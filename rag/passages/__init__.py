"""Passages: text as sentence units with exact character spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.rag.passages.addressed import addressed_units
    from ctxprune.rag.passages.fence import escape_chat_marks, new_fence
    from ctxprune.rag.passages.options import PassageOptions
    from ctxprune.rag.passages.passages import Passage, Passages, sentence_spans

__all__ = [
    "Passage",
    "PassageOptions",
    "Passages",
    "addressed_units",
    "escape_chat_marks",
    "new_fence",
    "sentence_spans",
]

_HOMES = {
    "Passage": "passages",
    "PassageOptions": "options",
    "Passages": "passages",
    "addressed_units": "addressed",
    "escape_chat_marks": "fence",
    "new_fence": "fence",
    "sentence_spans": "passages",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
