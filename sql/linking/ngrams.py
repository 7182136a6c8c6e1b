"""Character n-gram TF-IDF over short texts: finds a column through inflections, compounds and typing errors."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["NgramIndex", "ngrams"]

_SIZES = (3, 4, 5)
_MAX_WORDS = 2000  # distinct words of a query that are read; a longer query says nothing more about a schema


def ngrams(word: str) -> Iterator[str]:
    """3- to 5-grams of one word with a blank on each side; a word shorter than that counts once as a whole."""
    padded = f" {word} "
    for size in _SIZES:
        if len(padded) <= size:
            yield padded
            return
        for start in range(len(padded) - size + 1):
            yield padded[start : start + size]


class NgramIndex:
    """TF-IDF vectors of some texts: logarithmic counts, smoothed idf, unit length; cosine with a query.

    Args:
        texts: What to index; the idf is that of these texts.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._size = len(texts)
        counts = [_counts(text) for text in texts]
        frequency = Counter(gram for count in counts for gram in count)
        self._ids = {gram: number for number, gram in enumerate(frequency)}
        n = len(texts)
        self._idf = np.array([math.log((1 + n) / (1 + df)) + 1 for df in frequency.values()])
        rows: list[list[int]] = [[] for _ in frequency]
        weights: list[list[float]] = [[] for _ in frequency]
        for row, count in enumerate(counts):
            ids, values = self._vector(count)
            for number, value in zip(ids, values, strict=True):
                rows[number].append(row)
                weights[number].append(value)
        self._postings = [
            (np.array(row, dtype=np.intp), np.array(weight)) for row, weight in zip(rows, weights, strict=True)
        ]

    def score(self, query: str) -> NDArray[np.float64]:
        """Cosine 0..1 of the query with every text: float64 (n_texts,); zeros for a query without known n-grams."""
        scores = np.zeros(self._size)
        for number, weight in zip(*self._vector(_counts(query)), strict=True):
            rows, values = self._postings[number]
            scores[rows] += weight * values
        return scores

    def _vector(self, count: Counter[str]) -> tuple[list[int], list[float]]:
        known = [(self._ids[gram], 1 + math.log(tf)) for gram, tf in count.items() if gram in self._ids]
        values = [tf * float(self._idf[number]) for number, tf in known]
        norm = math.sqrt(sum(value * value for value in values)) or 1.0
        return [number for number, _ in known], [value / norm for value in values]


def _counts(text: str) -> Counter[str]:
    total: Counter[str] = Counter()
    for word, times in Counter(words(text)).most_common(_MAX_WORDS):
        for gram in ngrams(word):
            total[gram] += times
    return total
