"""What the scorer knows about a candidate: a short vector of plain facts."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import fold, split_identifier, stem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .spans import Question
    from .stores import ValueReader

__all__ = ["NAMES", "WAYS", "WEAK_WAYS", "Candidate", "ColumnFacts", "features", "name_words", "share"]

WAYS = (
    "exact", "folded", "stem", "symbol", "synonym", "respelt", "initials", "prefix", "acronym", "part", "lsh",
)  # fmt: skip
NAMES = (
    *WAYS,
    "prefix_closeness",
    "part_closeness",
    "lsh_closeness",
    "span_words",
    "span_letters",
    "value_words_missing",
    "common_word",
    "schema_word",
    "digits",
    "one_letter",
    "capital",
    "all_capitals",
    "quoted",
    "inside_quotes",
    "column_named",
    "table_named",
    "column_size",
    "column_coded",
    "ambiguity",
    "inside_longer",
    "worse_in_span",
    "worse_in_column",
    "numeric_column",
    "short_value",
    "weak_capital",
    "weak_quoted",
    "weak_ambiguity",
    "weak_column_size",
    "weak_words",
    "weak_start",
)
WEAK_WAYS = frozenset({"prefix", "acronym", "part", "lsh"})
_STRONG_WAYS = frozenset({"exact", "folded", "stem", "symbol", "synonym", "respelt"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One stored value that a span may mean.

    Attributes:
        row: Its row of the index.
        first, last: Word positions [first, last) of the span.
        score: Closeness, 0..1.
        stage: "exact", "folded", "synonym", "prefix", "column" or "lsh".
        way: What exactly matched, for the scorer: one of `WAYS`.
        rows: How many values of the index the same span led to in the same way.
    """

    row: int
    first: int
    last: int
    score: float
    stage: str
    way: str
    rows: int = 1


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of one column before any question.

    Attributes:
        table_words, column_words: Stemmed words of its names.
        values: Distinct values in the index.
        numeric: Share of them that are numbers, dates or times.
        masked: Its values must not be shown.
        truths: What it stores for yes and no, where it holds nothing else.
    """

    table_words: frozenset[str]
    column_words: frozenset[str]
    values: int
    numeric: float
    masked: bool = False
    truths: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        table: str,
        column: str,
        values: int,
        numeric: float,
        *,
        masked: bool = False,
        truths: tuple[str, ...] = (),
    ) -> ColumnFacts:
        """Facts from the names and measures of a column."""
        return cls(name_words(table), name_words(column), values, numeric, masked, truths)


def features(
    question: Question, candidates: Sequence[Candidate], stored: ValueReader, facts: Sequence[ColumnFacts]
) -> NDArray[np.float64]:
    """One row per candidate and one column per entry of `NAMES`; most between 0 and 1."""
    asked = [stem(word.text) for word in question.words]
    schema_words = frozenset().union(*(fact.table_words | fact.column_words for fact in facts))
    longest = _longest(candidates, len(asked))
    columns = [int(stored.columns[candidate.row]) for candidate in candidates]
    span_best: dict[tuple[int, int], float] = defaultdict(float)
    column_best: dict[tuple[int, int], float] = defaultdict(float)
    for candidate, column in zip(candidates, columns, strict=True):
        span_best[candidate.first, candidate.last] = max(span_best[candidate.first, candidate.last], candidate.score)
        for k in range(candidate.first, candidate.last):
            column_best[column, k] = max(column_best[column, k], candidate.score)
    out = np.zeros((len(candidates), len(NAMES)))
    for row, candidate, column in zip(out, candidates, columns, strict=True):
        fact = facts[column]
        i, j = candidate.first, candidate.last
        near = set(asked[:i]) | set(asked[j:])
        best = max(column_best[column, k] for k in range(i, j))
        if candidate.way in WAYS:
            row[WAYS.index(candidate.way)] = 1
        row[len(WAYS) :] = [
            *(candidate.score if candidate.way == way else 0.0 for way in ("prefix", "part", "lsh")),
            *_span_facts(question, candidate, schema_words, stored),
            share(fact.column_words, near),
            share(fact.table_words, near),
            _size(fact),
            fact.values <= 12,
            _ambiguity(candidate),
            longest[0][i] >= j or longest[1][i] > j,
            candidate.score < span_best[i, j],
            candidate.score < best,
            fact.numeric,
            len(stored.value(candidate.row)) <= 2,
            *((0.0,) * 6 if candidate.way not in WEAK_WAYS else _weak_facts(question, candidate, fact, stored)),
        ]
    return out


def _longest(candidates: Sequence[Candidate], words: int) -> tuple[list[int], list[int]]:
    """For each word position, where the farthest strong span ends that starts before it, and that starts there."""
    here = [0] * (words + 1)
    for candidate in candidates:
        if candidate.way in _STRONG_WAYS:
            here[candidate.first] = max(here[candidate.first], candidate.last)
    return [0, *accumulate(here, max)], here


def _weak_facts(question: Question, candidate: Candidate, fact: ColumnFacts, stored: ValueReader) -> list[float]:
    i, j = candidate.first, candidate.last
    start = fold(stored.value(candidate.row)).startswith(question.words[i].text)
    return [
        all(question.surface(k, k + 1)[:1].isupper() for k in range(i, j)) and i > 0,
        any(a <= i and j <= b for a, b in question.quoted),
        _ambiguity(candidate),
        _size(fact),
        min(j - i, 4) / 4,
        start,
    ]


def _span_facts(
    question: Question, candidate: Candidate, schema_words: frozenset[str], stored: ValueReader
) -> list[float]:
    i, j = candidate.first, candidate.last
    words = [word.text for word in question.words[i:j]]
    surface = question.surface(i, j)
    letters = sum(map(len, words))
    value = stored.value(candidate.row)
    return [
        min(j - i, 4) / 4,
        math.log2(1 + letters) / 4,
        max(0.0, 1 - letters / max(1, sum(char.isalnum() for char in value))),
        all(word.common for word in question.words[i:j]),
        all(stem(word) in schema_words for word in words),
        all(word.isdigit() for word in words),
        letters == 1,
        surface[:1].isupper() and i > 0,
        surface.isupper() and letters > 1,
        (i, j) in question.quoted,
        any(a <= i and j <= b for a, b in question.quoted),
    ]


def _size(fact: ColumnFacts) -> float:
    return min(1.0, math.log10(1 + fact.values) / 4)  # no training column is larger than 10,000: do not extrapolate


def _ambiguity(candidate: Candidate) -> float:
    return min(1.0, math.log10(candidate.rows))


def name_words(name: str) -> frozenset[str]:
    """The stemmed words of the name of a table or column."""
    return frozenset(stem(word) for word in split_identifier(name))


def share(names: frozenset[str], asked: set[str]) -> float:
    """Share 0..1 of the words of a name that are among those asked for."""
    return len(names & asked) / len(names) if names else 0.0
