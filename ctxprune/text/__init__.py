"""Text: word splitting, folding and stemming, marks of chat templates, invisible characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.text.chat_marks import escape_marks
    from ctxprune.text.invisible import escape_character, escape_invisible, is_invisible
    from ctxprune.text.words import STOP_WORDS, fold, split_identifier, stem, terms

__all__ = [
    "STOP_WORDS",
    "escape_character",
    "escape_invisible",
    "escape_marks",
    "fold",
    "is_invisible",
    "split_identifier",
    "stem",
    "terms",
]

_HOMES = {
    "STOP_WORDS": "words",
    "escape_character": "invisible",
    "escape_invisible": "invisible",
    "escape_marks": "chat_marks",
    "fold": "words",
    "is_invisible": "invisible",
    "split_identifier": "words",
    "stem": "words",
    "terms": "words",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
