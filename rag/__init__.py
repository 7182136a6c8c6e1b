"""Retrieved text: passages as sentence units with exact spans, and what may be asked of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ctxprune.rag.distinct import Distinct, near_duplicates
    from ctxprune.rag.documents import BestDocuments, TopMean, document_scores
    from ctxprune.rag.neighbours import Neighbours
    from ctxprune.rag.options import PassageOptions
    from ctxprune.rag.passages import Passage, Passages, sentence_spans
    from ctxprune.rag.ranking import PassagePruner, RankedPassages

_HOMES = {
    "BestDocuments": "documents",
    "Distinct": "distinct",
    "Neighbours": "neighbours",
    "Passage": "passages",
    "PassageOptions": "options",
    "PassagePruner": "ranking",
    "Passages": "passages",
    "RankedPassages": "ranking",
    "TopMean": "documents",
    "document_scores": "documents",
    "near_duplicates": "distinct",
    "sentence_spans": "passages",
}

__all__ = [
    "BestDocuments",
    "Distinct",
    "Neighbours",
    "Passage",
    "PassageOptions",
    "PassagePruner",
    "Passages",
    "RankedPassages",
    "TopMean",
    "document_scores",
    "near_duplicates",
    "sentence_spans",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"ctxprune.rag.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
