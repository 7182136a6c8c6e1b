"""Lexical scorers: BM25 over words or character n-grams, with titles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.scorers.lexical.bm25 import Bm25Scorer
    from ctxprune.scorers.lexical.chargram import ChargramScorer
    from ctxprune.scorers.lexical.titled import TitledScorer
    from ctxprune.scorers.lexical.words import LexicalScorer

__all__ = [
    "Bm25Scorer",
    "ChargramScorer",
    "LexicalScorer",
    "TitledScorer",
]

_HOMES = {
    "Bm25Scorer": "bm25",
    "ChargramScorer": "chargram",
    "LexicalScorer": "words",
    "TitledScorer": "titled",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
