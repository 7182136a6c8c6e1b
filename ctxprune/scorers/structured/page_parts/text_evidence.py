"""What of a question the blocks of a text hold: words, those of like meaning, misspelt ones, those above a block."""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from rapidfuzz import fuzz, process

from ctxprune.models.vectors import load_vectors
from ctxprune.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context, Unit

__all__ = ["EVIDENCE", "FROM_QUESTION", "TextEvidence"]

EVIDENCE = ("weighted", "held", "alike", "before", "section", "heading", "short")
"""What `TextEvidence.features` says of each unit."""
FROM_QUESTION = 5
"""So many of these depend on the question; the others say what kind of unit it is."""

_K1, _B = 1.2, 0.75  # of BM25, for what a repeated word and a long block count
_LEAST_ALIKE = 0.4  # cosine from which two words stand for each other
_LEAST_SPELT = 80  # percent of equal letters from which a word that the page lacks is one of its own, misspelt
_SHORTEST_SPELT = 4  # letters; shorter words have too many neighbours
_SPELT = 0.9  # what a misspelt word counts
_ABOVE = 0.45  # what a word of a heading counts: as much as it would add to a block of mean length
_SHORT = 100  # characters from which a block says as much as any
_DEEPEST = 8  # ancestors that are read; headings nest six deep
_UNITS_AT_ONCE = 1 << 12  # units whose terms' vectors are in memory at a time


class TextEvidence:
    """The words of one context's units; built once, asked many questions. Linear in the length of the text.

    A word of the question weighs its idf among these units times how rare it is in English (`WordVectors` lists words
    by frequency): in a page of few blocks "make" or "one" would otherwise weigh as much as the word that matters.
    """

    def __init__(self, context: Context[Any]) -> None:
        units = context.units
        self.size = len(units)
        self.parents = _parents(units)
        self.is_heading = np.zeros(self.size, dtype=np.bool_)
        self.is_heading[self.parents[self.parents >= 0]] = True
        self.shortness = np.array([max(0.0, 1 - len(unit.text) / _SHORT) for unit in units])
        self.vectors = load_vectors()
        self.numbers, ids, owners = _number_terms(units)
        pairs, counts = np.unique(owners * max(len(self.numbers), 1) + ids, return_counts=True)
        # One pair for each word of each unit, those of a unit after each other.
        self.owners, self.terms = np.divmod(pairs, max(len(self.numbers), 1))
        self.holders = np.bincount(self.terms, minlength=len(self.numbers))
        lengths = np.bincount(owners, minlength=self.size)
        room = _K1 * (1 - _B + _B * lengths / max(float(lengths.mean()) if self.size else 0.0, 1e-9))
        self.filled = (counts / (counts + room[self.owners])).astype(np.float32)
        self.rows = np.array([self.vectors.rows.get(term, -1) for term in self.numbers], dtype=np.int64)
        self.norms = self._vector_norms()

    def features(self, query: str) -> NDArray[np.float64]:
        """float64 (n_units, len(EVIDENCE)): what `EVIDENCE` names, each about 0..1; of a question without words the
        first `FROM_QUESTION` are zeros.

        "weighted": BM25 of the question's words, or of such as are alike, in the unit, at less in what stands above it.
        "held": the share of the words that unit and headings hold together. "alike": cosine of the mean word vectors.
        "before": "weighted", without headings, of the unit before it, of which it may be the continuation. "section":
        the most that a unit under the same heading "held". "heading": 1 for a unit that others stand under, else 0.
        "short": 0 for a unit of 100 characters and more, up to 1 for an empty one.
        """
        found = np.zeros((self.size, len(EVIDENCE)))
        found[:, FROM_QUESTION] = self.is_heading
        found[:, FROM_QUESTION + 1] = self.shortness
        asked = list(dict.fromkeys(terms(query)))
        if not asked or not len(self.terms):
            return found
        held_by = np.array([self.holders[self.numbers[term]] if term in self.numbers else 0 for term in asked])
        weights = np.log1p((self.size - held_by + 0.5) / (held_by + 0.5)) * [self._rarity(term) for term in asked]
        share = weights / weights.sum()
        vectors = self.vectors.of(asked)
        own = np.zeros(self.size)
        for term, vector, weight in zip(asked, vectors, share.tolist(), strict=True):
            similar = self._similar(term, vector)
            pairs = similar[self.terms]
            inside, whole = self._best(pairs * self.filled), self._best(pairs)
            above = self._above(whole)
            own += weight * inside
            found[:, 0] += weight * np.maximum(inside, _ABOVE * above)
            found[:, 1] += weight * (np.maximum(whole, above) == 1.0)
        found[:, 2] = self._cosines(share @ vectors)
        follows = self.parents[1:] == self.parents[:-1]
        follows |= self.parents[1:] == np.arange(self.size - 1)
        found[1:, 3] = own[:-1] * follows
        found[:, 4] = self._best_beside(found[:, 1])
        return found

    def _similar(self, term: str, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """For each term of the context how far it stands for `term`, 0..1; 1 for the same one only."""
        known = np.maximum(self.rows, 0)
        cosines = (self.vectors.floats @ vector / self.vectors.lengths)[known] * (self.rows >= 0)
        similar = np.where(cosines >= _LEAST_ALIKE, np.minimum(cosines, 0.99), 0.0).astype(np.float32)
        if term in self.numbers:
            similar[self.numbers[term]] = 1.0
        elif len(term) >= _SHORTEST_SPELT:
            near = process.extract(term, list(self.numbers), scorer=fuzz.ratio, score_cutoff=_LEAST_SPELT, limit=3)
            for _, percent, place in near:
                similar[place] = max(similar[place], _SPELT * percent / 100)
        return similar

    def _best(self, pairs: NDArray[np.float32]) -> NDArray[np.float32]:
        """For each unit the best of its pairs; 0 for a unit without words."""
        best = np.zeros(self.size, dtype=np.float32)
        np.maximum.at(best, self.owners, pairs)
        return best

    def _above(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """For each unit the best value of those it stands under; 0 at the top."""
        best, above = np.zeros_like(values), self.parents
        for _ in range(_DEEPEST):
            inside = above >= 0
            if not inside.any():
                break
            best[inside] = np.maximum(best[inside], values[above[inside]])
            above = np.where(inside, self.parents[above], -1)
        return best

    def _best_beside(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each unit the best value of those under the same parent, itself among them."""
        best = np.zeros(self.size + 1)
        np.maximum.at(best, self.parents, values)  # what stands under nothing has parent -1, the last place
        return best[self.parents]

    def _rarity(self, term: str) -> float:
        """0..1: how rare the term is in English, by the logarithm of its rank; 1 for one that is not listed."""
        listed = len(self.vectors.rows)
        return math.log(2 + self.vectors.rows.get(term, listed)) / math.log(2 + listed)

    def _idf(self) -> NDArray[np.float32]:
        """For each pair the idf of its term."""
        idf = np.log1p((self.size - self.holders + 0.5) / (self.holders + 0.5))
        return np.asarray(idf[self.terms] * (self.rows[self.terms] >= 0), dtype=np.float32)

    def _vector_norms(self) -> NDArray[np.float64]:
        """For each unit the length of the sum of its terms' vectors."""
        norms = np.full(self.size, np.inf)
        weights, units = self._idf(), np.unique(self.owners)
        starts = np.searchsorted(self.owners, units)
        # Some units at a time: the vectors of all terms of a large page would take gigabytes.
        for first in range(0, len(units), _UNITS_AT_ONCE):
            last = first + _UNITS_AT_ONCE
            chosen = slice(first, last)
            begin = starts[first]
            end = starts[last] if last < len(units) else len(self.owners)
            rows = self.rows[self.terms[begin:end]]
            vectors = self._unit_vectors(rows) * weights[begin:end, None]
            sums = np.add.reduceat(vectors, starts[chosen] - begin, axis=0)
            norms[units[chosen]] = np.linalg.norm(sums, axis=1)
        return np.where(norms > 0, norms, np.inf)

    def _unit_vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of length 1 of rows of the table; of row -1 any, which counts nothing."""
        vectors = self.vectors.table[rows].astype(np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def _cosines(self, query: NDArray[np.float64]) -> NDArray[np.float64]:
        """For each unit the cosine of its sum of vectors and `query`; 0 where there is none."""
        length = float(np.linalg.norm(query))
        if not length:
            return np.zeros(self.size)
        along = self.vectors.floats @ (query / length).astype(np.float32) / self.vectors.lengths
        sums = np.bincount(self.owners, self._idf() * along[self.rows[self.terms]], minlength=self.size)
        return np.asarray(sums / self.norms)


def _parents(units: Sequence[Unit]) -> NDArray[np.int64]:
    return np.array([-1 if unit.parent is None else unit.parent for unit in units], dtype=np.int64)


def _number_terms(units: Sequence[Unit]) -> tuple[dict[str, int], NDArray[np.int64], NDArray[np.int64]]:
    """A number for each term, and for each word of the text that of its term and of its unit."""
    numbers: dict[str, int] = {}
    fresh = count()
    found: list[int] = []
    lengths = []
    for unit in units:
        words = terms(unit.text)
        for word in words:
            if word not in numbers:
                numbers[word] = next(fresh)
        found += [numbers[word] for word in words]
        lengths.append(len(words))
    return numbers, np.array(found, dtype=np.int64), np.repeat(np.arange(len(lengths)), lengths)
