"""BM25 over the units of one context."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune._memo import ContextMemo
from ctxprune.errors import UsageError
from ctxprune.text import terms

if TYPE_CHECKING:
    import bm25s

    from ctxprune.context import Context
    from ctxprune.scorers.base import Scores

__all__ = ["LexicalScorer"]


@dataclass(frozen=True)
class LexicalScorer:
    """Share of the question's information that a unit's words carry: float32 (n_units,), 0 <= score < 1, higher = keep.

    BM25 (Robertson and Zaragoza 2009) in Lucene's form, where a term adds idf * tf / (tf + k1 * (1 - b + b * length /
    mean length)) and idf = ln(1 + (n - df + 0.5) / (df + 0.5)) over the units of this context; the sum is divided by
    the sum of the idf of all terms of the question, so that one threshold means the same for every question.
    Terms are those of `ctxprune.text.terms`. A question without terms, or without a term in common, scores zeros.

    Attributes:
        k1: How fast repeated terms saturate, over 0.
        b: How strongly long units are marked down, 0 to 1.

    Raises:
        UsageError: k1 or b is out of range.
    """

    k1: float = 1.2
    b: float = 0.75
    _indices: ContextMemo[_Index] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.k1 < math.inf:
            raise UsageError(f"k1 is {self.k1!r}", hint="give a number over 0")
        if not 0 <= self.b <= 1:
            raise UsageError(f"b is {self.b!r}", hint="give a number from 0 to 1")

    def score(self, query: str, context: Context[Any]) -> Scores:
        """BM25 of each unit's text for `query`, as the class says. The index is built once a context."""
        index = self._indices.get(context, lambda: _Index.build(context, self.k1, self.b))
        return index.score(terms(query))


@dataclass(frozen=True, slots=True)
class _Index:
    size: int
    frequencies: Counter[str]  # units that hold a term
    bm25: bm25s.BM25 | None  # None where no unit has any term

    @classmethod
    def build(cls, context: Context[Any], k1: float, b: float) -> _Index:
        import bm25s

        documents = [terms(unit.text) for unit in context.units]
        frequencies = Counter(term for document in documents for term in set(document))
        if not frequencies:
            return cls(len(documents), frequencies, None)
        bm25 = bm25s.BM25(method="lucene", k1=k1, b=b, backend="numpy")
        bm25.index(documents, show_progress=False)
        return cls(len(documents), frequencies, bm25)

    def score(self, query: list[str]) -> Scores:
        known = [term for term in query if term in self.frequencies]
        if self.bm25 is None or not known:
            return np.zeros(self.size, dtype=np.float32)
        attainable = sum(self._idf(term) for term in query)
        scores: Scores = np.asarray(self.bm25.get_scores(known) / attainable, dtype=np.float32)
        return scores

    def _idf(self, term: str) -> float:
        holders = self.frequencies[term]
        return math.log(1 + (self.size - holders + 0.5) / (holders + 0.5))
