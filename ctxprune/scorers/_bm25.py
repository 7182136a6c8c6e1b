"""BM25 over the units of one context; the scorers built on it differ in what they count."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune._checks import is_number
from ctxprune._memo import ContextMemo
from ctxprune.errors import UsageError
from ctxprune.scorers.relevance import document_scores

if TYPE_CHECKING:
    import bm25s

    from ctxprune.context import Context
    from ctxprune.scorers.base import Scores

__all__ = ["Bm25Scorer"]


@dataclass(frozen=True)
class Bm25Scorer(ABC):
    """Share of the question's information that a unit carries: float32 (n_units,), 0 <= score < 1, higher = keep.

    BM25 (Robertson and Zaragoza 2009) in Lucene's form, where a term adds idf * tf / (tf + k1 * (1 - b + b * length /
    mean length)) and idf = ln(1 + (n - df + 0.5) / (df + 0.5)) over the units of this context; the sum is divided by
    the sum of the idf of all terms of the question, so that one threshold means the same for every question. A question
    without terms, or without a term in common, scores zeros.

    Attributes:
        k1: How fast repeated terms saturate, over 0.
        b: How strongly long units are marked down, 0 to 1.

    Raises:
        UsageError: k1 or b is out of range.
    """

    k1: float = 1.2
    b: float = 0.75
    _terms: ContextMemo[list[list[str]]] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)
    _indices: ContextMemo[_Index] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)
    _documents: ContextMemo[_Index] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not is_number(self.k1) or self.k1 <= 0:
            raise UsageError(f"k1 is {self.k1!r}", hint="give a number over 0")
        if not is_number(self.b) or not 0 <= self.b <= 1:
            raise UsageError(f"b is {self.b!r}", hint="give a number from 0 to 1")

    @abstractmethod
    def analyse(self, text: str) -> list[str]:
        """What is counted in `text`, of a question as of a unit."""

    def score(self, query: str, context: Context[Any]) -> Scores:
        """BM25 of each unit's text for `query`, as the class says. The index is built once a context."""
        index = self._indices.get(context, lambda: self._index(self._analysed(context)))
        return index.score(self.analyse(query))

    def score_documents(self, query: str, context: Context[Any]) -> tuple[Scores, Scores]:
        """`score`, and the relevance of each document in the same range; see `RelevanceScorer`.

        A document's relevance is the mean of its own BM25, among the documents of this context, and of its two best
        units: on SciFact's training claims better than either alone.
        """
        index = self._documents.get(context, lambda: self._index(self._joined(context)))
        units, whole = self.score(query, context), index.score(self.analyse(query))
        sources = getattr(context, "sources", None) or [0] * len(context.units)
        return units, (whole + document_scores(units, sources, len(whole))) / np.float32(2)

    def _analysed(self, context: Context[Any]) -> list[list[str]]:
        return self._terms.get(context, lambda: [self.analyse(unit.text) for unit in context.units])

    def _joined(self, context: Context[Any]) -> list[list[str]]:
        sources = getattr(context, "sources", None) or [0] * len(context.units)
        documents: list[list[str]] = [[] for _ in range(max(sources, default=-1) + 1)]
        for source, terms in zip(sources, self._analysed(context), strict=True):
            documents[source] += terms
        return documents

    def _index(self, documents: list[list[str]]) -> _Index:
        import bm25s

        frequencies = Counter(term for document in documents for term in dict.fromkeys(document))
        if not frequencies:
            return _Index(len(documents), frequencies, {}, None)
        ids = {term: number for number, term in enumerate(frequencies)}
        bm25 = bm25s.BM25(method="lucene", k1=self.k1, b=self.b, backend="numpy")
        # index() would do the same, but log at DEBUG on a logger that bm25s has set to let that through.
        bm25.scores = bm25.build_index_from_ids(
            unique_token_ids=list(ids.values()),
            corpus_token_ids=[[ids[term] for term in document] for document in documents],
            show_progress=False,
        )
        return _Index(len(documents), frequencies, ids, bm25)


@dataclass(frozen=True, slots=True)
class _Index:
    size: int
    frequencies: Counter[str]  # units that hold a term
    ids: dict[str, int]
    bm25: bm25s.BM25 | None  # None where no unit has any term

    def score(self, query: list[str]) -> Scores:
        known = [self.ids[term] for term in query if term in self.ids]
        if self.bm25 is None or not known:
            return np.zeros(self.size, dtype=np.float32)
        attainable = sum(self._idf(term) for term in query)
        scores: Scores = np.asarray(self.bm25.get_scores_from_ids(known) / attainable, dtype=np.float32)
        return scores

    def _idf(self, term: str) -> float:
        holders = self.frequencies[term]
        return math.log(1 + (self.size - holders + 0.5) / (holders + 0.5))
