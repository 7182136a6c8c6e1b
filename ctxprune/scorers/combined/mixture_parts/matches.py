"""Which terms of a question each unit holds: word for word, in another form, or in a word of like meaning."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors
from ctxprune.scorers.lexical.statistics import inverse_frequencies, length_norms, unknown_frequency
from ctxprune.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["Matches", "Vocabulary", "read_vocabulary"]

_MOST_TERMS = 64  # of a question: longer ones are cut to their rarest terms
_K1, _B = 1.2, 0.6  # as the lexical scorer
_STEM = 4  # letters that two forms of a word share at least
_COMMON = 0.68  # and the share of the letters of both: "compiled" and "compilation", not "process" and "procedure"
_WHOLE, _PREFIX = 0.7, 5  # of a word that is the beginning of the other, from so many letters: "config"
_MISSPELT = 5  # letters of a word that may be a misspelling of another
_ALIKE = 0.65  # share of letter pairs that a misspelling has in common with the word, at least
_MOST_CHECKED = 50_000  # terms among which misspellings are looked for
_BLOCK = 1 << 16  # tokens whose vectors are in memory at once


@dataclass(frozen=True)
class Vocabulary:
    """The terms of a context's units, as numbers, and what does not depend on the question.

    Attributes:
        numbers: Of each term its own, from 0.
        ids: The terms of all units, one unit after the other, int (n_tokens,).
        starts: Where the terms of each unit start, and where the last ones end, int (n_units + 1,).
        idf: float64 (n_terms,).
        vectors: float32 (n_terms, dimensions); zeros for terms without one.
        means: float32 (n_units, dimensions): sums of the vectors of a unit's terms, weighed by their idf.
        stems: The terms that begin with the same letters, by these.
    """

    numbers: dict[str, int]
    ids: NDArray[np.int64]
    starts: NDArray[np.int64]
    idf: NDArray[np.float64]
    vectors: NDArray[np.float32]
    means: NDArray[np.float32]
    stems: dict[str, list[str]]

    @property
    def size(self) -> int:
        """The number of units."""
        return len(self.starts) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The number of terms of each unit."""
        return np.diff(self.starts)


@dataclass(frozen=True)
class Matches:
    """What the units hold of a question; float64 (n_units, n_terms) each, 0 to 1.

    Attributes:
        terms: Those of the question that are looked for.
        weights: float64 (n_terms,): how telling each term of the question is; they sum to 1, or are all 0 or absent.
        exact: How often a unit holds the term itself, with the saturation and length norm of BM25.
        held: 1 where it holds it at all.
        formed: How near its nearest form of the term comes: an inflection, a compound, a misspelling.
        meant: How near its nearest word comes in form or in meaning.
        cosine: float64 (n_units,): of the mean vectors of unit and question.
    """

    terms: tuple[str, ...]
    weights: NDArray[np.float64]
    exact: NDArray[np.float64]
    held: NDArray[np.float64]
    formed: NDArray[np.float64]
    meant: NDArray[np.float64]
    cosine: NDArray[np.float64]

    @classmethod
    def of(cls, query: str, vocabulary: Vocabulary) -> Matches:
        """The matches of the question's rarest 64 terms."""
        asked = _rarest(dict.fromkeys(terms(query)), vocabulary)
        forms = np.zeros((len(asked), len(vocabulary.numbers)))
        for row, term in enumerate(asked):
            for other, likeness in _find_forms(term, vocabulary):
                forms[row, vocabulary.numbers[other]] = likeness
        idf = np.array([_idf_of(term, vocabulary) for term in asked])
        vectors = load_vectors().of(asked)
        likeness = np.clip(vectors @ vocabulary.vectors.T, 0, 1).astype(np.float64) ** 2
        total = float(idf.sum())
        counts = _count(asked, vocabulary)
        room = _K1 * length_norms(vocabulary.lengths, _B)
        return cls(
            tuple(asked),
            idf / total if total else idf,
            counts / (room[:, None] + counts),
            np.asarray(counts > 0, dtype=np.float64),
            _best_of_unit(forms, vocabulary),
            _best_of_unit(np.maximum(forms, likeness), vocabulary),
            _cosines((vectors * idf[:, None]).sum(axis=0), vocabulary.means),
        )


def read_vocabulary(texts: Iterable[str]) -> Vocabulary:
    """The vocabulary of units with these texts."""
    numbers: dict[str, int] = {}
    ids: list[int] = []
    starts = [0]
    for text in texts:
        ids += [numbers.setdefault(term, len(numbers)) for term in terms(text)]
        starts.append(len(ids))
    found, borders = np.asarray(ids, dtype=np.int64), np.asarray(starts, dtype=np.int64)
    size = len(borders) - 1
    owners = np.repeat(np.arange(size), np.diff(borders))
    # Each pair of unit and term once: how many units hold a term is what makes it telling.
    pairs = np.unique(found * max(size, 1) + owners)
    holders = np.bincount(pairs // max(size, 1), minlength=len(numbers))
    idf = inverse_frequencies(holders, size)
    vectors = load_vectors().of(list(numbers))
    return Vocabulary(numbers, found, borders, idf, vectors, _sums(vectors, idf, found, borders), _by_stem(numbers))


def _by_stem(numbers: Iterable[str]) -> dict[str, list[str]]:
    stems: defaultdict[str, list[str]] = defaultdict(list)
    for term in numbers:
        if len(term) >= _STEM:
            stems[term[:_STEM]].append(term)
    return dict(stems)


def _sums(
    vectors: NDArray[np.float32], idf: NDArray[np.float64], ids: NDArray[np.int64], starts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """See `Vocabulary.means`; some units at a time, since each token's vector is in memory meanwhile."""
    weighed = (vectors * idf[:, None]).astype(np.float32)
    sums = np.zeros((len(starts) - 1, vectors.shape[1]), dtype=np.float32)
    first = 0
    while first < len(sums):
        last = max(int(np.searchsorted(starts, starts[first] + _BLOCK, side="right")) - 1, first + 1)
        part = starts[first : last + 1]
        filled = np.flatnonzero(np.diff(part))
        if len(filled):
            rows = weighed[ids[part[0] : part[-1]]]
            sums[first + filled] = np.add.reduceat(rows, part[filled] - part[0], axis=0)
        first = last
    return sums


def _rarest(asked: Iterable[str], vocabulary: Vocabulary) -> list[str]:
    found = list(asked)
    if len(found) <= _MOST_TERMS:
        return found
    # Of equally rare terms the first ones, so that the choice does not depend on anything else.
    ranked = sorted(range(len(found)), key=lambda place: -_idf_of(found[place], vocabulary))[:_MOST_TERMS]
    return [found[place] for place in sorted(ranked)]


def _idf_of(term: str, vocabulary: Vocabulary) -> float:
    number = vocabulary.numbers.get(term)
    # One that no unit holds is the most telling of all: an answer in other words must not pass for a full one.
    return unknown_frequency(vocabulary.size) if number is None else float(vocabulary.idf[number])


def _count(asked: Sequence[str], vocabulary: Vocabulary) -> NDArray[np.float64]:
    """How often each unit holds each term: float64 (n_units, n_terms)."""
    columns = np.full(len(vocabulary.numbers) + 1, -1, dtype=np.int64)
    for column, term in enumerate(asked):
        if term in vocabulary.numbers:
            columns[vocabulary.numbers[term]] = column
    met = columns[vocabulary.ids]
    at = np.flatnonzero(met >= 0)
    owners = np.searchsorted(vocabulary.starts, at, side="right") - 1
    counts = np.zeros((vocabulary.size, len(asked)))
    np.add.at(counts, (owners, met[at]), 1.0)
    return counts


def _find_forms(term: str, vocabulary: Vocabulary) -> Iterable[tuple[str, float]]:
    """Other terms that may be a form of `term`, and itself, with how alike they are, 0 to 1."""
    if term in vocabulary.numbers:
        yield term, 1.0
    if len(term) < _STEM or not term.isalpha():
        return
    for other in vocabulary.stems.get(term[:_STEM], ()):
        if other != term:
            shared = _count_common(term, other)
            likeness = 2 * shared / (len(term) + len(other))
            if shared == min(len(term), len(other)) >= _PREFIX:
                likeness = max(likeness, _WHOLE)
            if likeness >= _COMMON:
                yield other, likeness
    # Only words that nothing holds: a word that is there was meant.
    if term not in vocabulary.numbers and len(term) >= _MISSPELT and len(vocabulary.numbers) <= _MOST_CHECKED:
        yield from _find_misspelt(term, vocabulary)


def _find_misspelt(term: str, vocabulary: Vocabulary) -> Iterable[tuple[str, float]]:
    """Terms of about the same length and letter pairs, with the share of pairs that they have in common."""
    pairs = _letter_pairs(term)
    for other in vocabulary.numbers:
        if abs(len(other) - len(term)) <= 2 and other[0] == term[0]:
            likeness = 2 * len(pairs & _letter_pairs(other)) / max(len(term) + len(other) - 2, 1)
            if likeness >= _ALIKE:
                yield other, likeness


def _count_common(one: str, other: str) -> int:
    """Letters that both begin with."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _letter_pairs(term: str) -> set[str]:
    return {term[place : place + 2] for place in range(len(term) - 1)}


def _best_of_unit(likeness: NDArray[np.float64], vocabulary: Vocabulary) -> NDArray[np.float64]:
    """The best of a unit's terms for each term of the question: (n_units, n_asked) of (n_asked, n_terms)."""
    best = np.zeros((vocabulary.size, len(likeness)))
    filled = np.flatnonzero(vocabulary.lengths)
    if not len(filled):
        return best
    for column, row in enumerate(likeness):
        if row.any():
            best[filled, column] = np.maximum.reduceat(row[vocabulary.ids], vocabulary.starts[filled])
    return best


def _cosines(query: NDArray[np.float64], units: NDArray[np.float32]) -> NDArray[np.float64]:
    norms = np.linalg.norm(units, axis=1).astype(np.float64) * float(np.linalg.norm(query))
    return np.asarray(units.astype(np.float64) @ query / np.maximum(norms, 1e-9))
