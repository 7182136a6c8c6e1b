"""Policies for retrieved documents: duplicates, neighbours, whole documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.rag.policies.base import WrappedPolicy
    from ctxprune.rag.policies.distinct import Distinct
    from ctxprune.rag.policies.documents import BestDocuments, TopMean, document_scores
    from ctxprune.rag.policies.neighbours import Neighbours

__all__ = [
    "BestDocuments",
    "Distinct",
    "Neighbours",
    "TopMean",
    "WrappedPolicy",
    "document_scores",
]

_HOMES = {
    "BestDocuments": "documents",
    "Distinct": "distinct",
    "Neighbours": "neighbours",
    "TopMean": "documents",
    "WrappedPolicy": "base",
    "document_scores": "documents",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
