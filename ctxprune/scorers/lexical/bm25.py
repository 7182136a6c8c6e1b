"""BM25 over the units of one context; the scorers built on it differ in what they count."""

from __future__ import annotations

import math
from abc import abstractmethod
from array import array
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.memo import ContextMemo
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.relevance import document_scores
from ctxprune.utils.validation import check_number, check_range

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.relevance import DocumentRule

__all__ = ["Bm25Scorer", "index_terms"]


@dataclass(frozen=True)
class Bm25Scorer(Scorer):
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
    _terms: ContextMemo[_Terms] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)
    _indices: ContextMemo[_Index] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)
    _documents: ContextMemo[_Index] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_number("k1", self.k1, over=0)
        check_range("b", self.b)

    @abstractmethod
    def analyse(self, text: str) -> list[str]:
        """What is counted in `text`, of a question as of a unit."""

    def score(self, query: str, context: Context[Any]) -> Scores:
        """BM25 of each unit's text for `query`, as the class says. The index is built once a context."""
        index = self._indices.get(context, lambda: self._index(self._analysed(context)))
        return index.score(self.analyse(query))

    def score_documents(
        self, query: str, context: Context[Any], *, rule: DocumentRule | None = None
    ) -> tuple[Scores, Scores]:
        """`score`, and the relevance of each document in the same range, without need of a rule; see `Scorer`.

        A document's relevance is the mean of its own BM25, among the documents of this context, and of its two best
        units: on SciFact's training claims better than either alone.
        """
        del rule
        context = as_context(context)
        sources = context.sources or [0] * len(context.units)
        # Documents and units share the analysis of the texts, which takes most of the time.
        index = self._documents.get(context, lambda: self._index(self._analysed(context), sources))
        units, whole = self.score(query, context), index.score(self.analyse(query))
        return units, (whole + document_scores(units, sources, len(whole))) / np.float32(2)

    def _analysed(self, context: Context[Any]) -> _Terms:
        return self._terms.get(context, lambda: _number_terms(self.analyse(unit.text) for unit in context.units))

    def _index(self, found: _Terms, sources: Sequence[int] | None = None) -> _Index:
        """The index of the units, or of the documents where `sources` says which one each unit is of."""
        if sources is None:
            return _build_index(found, found.owners, found.units, (self.k1, self.b))
        documents = np.asarray(sources, dtype=np.int64)
        return _build_index(found, documents[found.owners], int(documents.max(initial=-1)) + 1, (self.k1, self.b))


@dataclass(frozen=True, slots=True)
class _Terms:
    """What was counted in the units of a context, as numbers: a list of texts takes twenty times the memory.

    Attributes:
        numbers: Of each term its own, from 0.
        ids: The terms of all units, one unit after the other, int (n_tokens,).
        owners: The unit of each of them, int (n_tokens,).
        units: How many units there are.
    """

    numbers: dict[str, int]
    ids: NDArray[np.int32]
    owners: NDArray[np.int64]
    units: int


def index_terms(texts: Iterable[list[str]], *, k1: float = 1.2, b: float = 0.75) -> _Index:
    """The index of many texts, given as their terms: what `Bm25Scorer` builds for the units of a context.

    Args:
        texts: The terms of each text; read once, four bytes of memory a term.
        k1, b: See `Bm25Scorer`.
    """
    found = _number_terms(texts)
    return _build_index(found, found.owners, found.units, (k1, b))


def _number_terms(texts: Iterable[list[str]]) -> _Terms:
    firsts: dict[str, int] = {}
    met, ids, lengths = count(), array("i"), array("q")
    for terms in texts:
        ids.extend(map(firsts.setdefault, terms, met))
        lengths.append(len(terms))
    # Each term has the place where it was first met, now the number of terms that were met before.
    first = np.frombuffer(ids, dtype=np.int32)
    numbers = (np.cumsum(first == np.arange(len(first)), dtype=np.int32) - np.int32(1))[first]
    owners = np.repeat(np.arange(len(lengths)), np.frombuffer(lengths, dtype=np.int64))
    return _Terms(dict(zip(firsts, range(len(firsts)), strict=True)), numbers, owners, len(lengths))


@dataclass(frozen=True, slots=True)
class _Index:
    """For each term the documents that hold it, and what it adds to each.

    Attributes:
        size: Number of documents.
        ids: The number of each term.
        starts: Where the documents of each term start in the other two, int64 (n_terms + 1,).
        holders: Documents, those of one term after those of another, each once, rising.
        parts: What the term adds to the score of that document, float32, as long.
    """

    size: int
    ids: dict[str, int]
    starts: NDArray[np.int64]
    holders: NDArray[np.int64]
    parts: NDArray[np.float32]

    def score(self, query: list[str]) -> Scores:
        scores: Scores = np.zeros(self.size, dtype=np.float32)
        # A term that is asked twice counts twice, as in the sum that BM25 is; hence a list and no set.
        known = [self.ids[term] for term in query if term in self.ids]
        if not known:
            return scores
        for number in known:
            place = slice(*self.starts[number : number + 2])
            scores[self.holders[place]] += self.parts[place]
        # Terms that no unit holds count here too: a question of which half is not answered reaches half of the scale.
        attainable = sum(_idf(self._frequency(term), self.size) for term in query)
        return np.asarray(scores / attainable, dtype=np.float32)

    def _frequency(self, term: str) -> int:
        """Documents that hold the term."""
        number = self.ids.get(term)
        return 0 if number is None else int(self.starts[number + 1] - self.starts[number])


def _build_index(found: _Terms, owners: NDArray[np.int64], size: int, parameters: tuple[float, float]) -> _Index:
    """The index of `size` documents, of which `owners`, int (n_tokens,), says which one each of the terms is in.

    All documents at once: what a library does for each of them takes most of the time where they are short. The types
    are those of bm25s, so that scores are equal to the last bit (tests/scorers/test_bm25.py).
    """
    k1, b = parameters
    # Term and document in one number, so that one sort both groups and counts them.
    pairs, counts = np.unique(found.ids.astype(np.int64) * size + owners, return_counts=True)
    terms, holders = np.divmod(pairs, max(size, 1))
    starts = np.searchsorted(terms, np.arange(len(found.numbers) + 1))
    lengths = np.bincount(owners, minlength=size)
    room = k1 * ((1 - b) + b * lengths / max(float(lengths.mean()) if size else 0.0, 1e-9))
    # Few frequencies are different: each idf is computed once.
    frequencies, places = np.unique(np.diff(starts), return_inverse=True)
    idf = np.asarray([_idf(frequency, size) for frequency in frequencies.tolist()], dtype=np.float32)[places]
    tf = counts.astype(np.float32)
    parts = idf[terms] * (tf / (room[holders] + tf))
    return _Index(size, found.numbers, starts, holders, parts.astype(np.float32))


def _idf(holders: int, size: int) -> float:
    return math.log(1 + (size - holders + 0.5) / (holders + 0.5))
