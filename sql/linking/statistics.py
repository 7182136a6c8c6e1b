"""What a linker computes once for a schema: words, weights, n-gram and word vectors, kinds and keys of columns."""

from __future__ import annotations

import math
import re
import threading
from collections import Counter, OrderedDict, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors
from ctxprune.text.words import STOP_WORDS, fold, stem, words

from ..render.base import render
from ..schema.joins import JoinGraph
from .ngrams import NgramIndex
from .words import load_cues, name_stems, natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ..schema.schema import Column, ColumnRef, Schema

__all__ = ["LOWEST", "Meanings", "SchemaStatistics", "StatisticsCache", "Terms", "sigmoid", "unit_vectors"]

_KINDS = (
    ("date", re.compile("date|time|year", re.I)),
    ("number", re.compile("int|num|real|floa|doub|deci|money", re.I)),
)
_MAX_COMMENT_WORDS, _MAX_DESCRIPTION_WORDS = 12, 60

_KIN, _WIDEST = 0.5, 300  # names of one table this near are kin ("first name", "last name"); not in wider tables
LOWEST = -9.0  # the logit that stands in where there is nothing to take the best of


@dataclass(frozen=True)
class Terms:
    """The words of several names in one flat list, so that a question's word scores spread over all names at once.

    Attributes:
        owner: int (n,), which name each entry belongs to.
        word: int (n,), index of the word in the vocabulary.
        share: float (n,), the word's share of the weight of its name; the shares of a name sum to 1.
        size: Number of names.
    """

    owner: NDArray[np.intp]
    word: NDArray[np.intp]
    share: NDArray[np.float64]
    size: int

    def coverage(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share (0..1) of each name's weight that the scored words explain: float64 (size,)."""
        return np.bincount(self.owner, self.share * scores[self.word], minlength=self.size).astype(float)


class SchemaStatistics:
    """Everything about a schema that does not depend on the question."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.text: str | None = None  # as M-Schema, filled in by the cache when first asked for
        self.refs = tuple(schema.refs())
        self.position = {ref: index for index, ref in enumerate(self.refs)}
        columns = [column for table in schema.tables for column in table.columns]
        self.columns = tuple(columns)
        counts = [len(table.columns) for table in schema.tables]
        self.table_of: NDArray[np.intp] = np.repeat(np.arange(len(counts)), counts)
        self.table_size: NDArray[np.float64] = np.array(counts, dtype=float)
        self.graph = JoinGraph(schema)
        self._edges = _edge_array(schema, self.graph)
        self.key_links = _key_links(schema, self.graph, self.position)
        self._words(schema, columns)
        self._ngrams(schema, columns)
        self.meanings = Meanings(self)
        self._kinds(columns)

    def neighbourhood(
        self, scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """For every table: the best score among the tables one key away (-9 without any), the sum of their sigmoids,
        and their number. `scores` are logits, float64 (n_tables,)."""
        n = len(scores)
        best = np.full(n, LOWEST)
        here, there = self._edges
        np.maximum.at(best, here, scores[there])
        mass = np.bincount(here, sigmoid(scores[there]), minlength=n).astype(float)
        return best, mass, np.bincount(here, minlength=n).astype(float)

    def _words(self, schema: Schema, columns: Sequence[Column]) -> None:
        names = [name_stems(column.name) for column in columns]
        alternatives = [_comment_stems(column.comment) or name for column, name in zip(columns, names, strict=True)]
        table_names = [name_stems(table.name) for table in schema.tables]
        table_alternatives = [
            _comment_stems(table.comment) or name for table, name in zip(schema.tables, table_names, strict=True)
        ]
        descriptions = [_description_stems(column.description) for column in columns]
        every = [*names, *alternatives, *table_names, *table_alternatives, *descriptions]
        self.vocabulary = {word: i for i, word in enumerate(dict.fromkeys(word for text in every for word in text))}
        frequency = Counter(word for pair in zip(names, alternatives, strict=True) for word in {*pair[0], *pair[1]})
        n = len(columns)
        # inverse document frequency; 0.3 keeps words that every column has from weighing nothing
        weight = {word: math.log((1 + n) / (1 + frequency[word])) + 0.3 for word in self.vocabulary}
        self.names, self.alternatives = self._terms(names, weight), self._terms(alternatives, weight)
        self.table_names, self.table_alternatives = self._terms(table_names), self._terms(table_alternatives)
        self.descriptions = self._terms(descriptions, weight)
        self.name_stems = tuple(names)
        self.phrases = tuple(_phrases(name, other) for name, other in zip(names, alternatives, strict=True))
        last = [self.vocabulary[name[-1]] for name in names]
        other_last = [self.vocabulary[name[-1]] for name in alternatives]
        self.heads: NDArray[np.intp] = np.array([last, other_last], dtype=np.intp).reshape(2, n)
        # misspelled words are compared with words of the same first letter only
        self.by_letter: dict[str, list[str]] = defaultdict(list)
        for word in self.vocabulary:
            self.by_letter[word[0]].append(word)

    def _terms(self, texts: Sequence[Sequence[str]], weight: dict[str, float] | None = None) -> Terms:
        owner, word, share = [], [], []
        for index, text in enumerate(texts):
            weights = [weight[term] if weight else 1.0 for term in text]
            total = sum(weights) or 1.0
            owner += [index] * len(text)
            word += [self.vocabulary[term] for term in text]
            share += [value / total for value in weights]
        return Terms(np.array(owner, np.intp), np.array(word, np.intp), np.array(share, float), len(texts))

    def _ngrams(self, schema: Schema, columns: Sequence[Column]) -> None:
        of_column = [f"{column.name} {natural(column.name)} {column.comment}" for column in columns]
        of_table = [f"{table.name} {natural(table.name)} {table.comment}" for table in schema.tables]
        self.column_ngrams, self.table_ngrams = NgramIndex(of_column), NgramIndex(of_table)
        tables = [schema.tables[index] for index in self.table_of]
        full = [f"{t.name} {natural(t.name)} {text}" for t, text in zip(tables, of_column, strict=True)]
        self.full_ngrams = NgramIndex(full)

    def _kinds(self, columns: Sequence[Column]) -> None:
        kinds = [_kind(column) for column in columns]
        self.is_number = np.array([kind == "number" for kind in kinds], dtype=bool)
        self.is_text = np.array([kind == "text" for kind in kinds], dtype=bool)
        self.is_date = np.array([kind == "date" for kind in kinds], dtype=bool)
        self.primary = np.array([column.primary_key for column in columns], dtype=bool)
        self.foreign = np.array([ref in self.graph.key_columns for ref in self.refs], dtype=bool)
        self.folded = tuple(fold(ref.column) for ref in self.refs)
        same = Counter(self.folded)
        self.same: NDArray[np.float64] = np.log([same[name] for name in self.folded]) if columns else np.zeros(0)
        classes = load_cues().columns
        members = [
            [bool(words_of.intersection(name)) for words_of in classes.values()] for name in self._all_stems(columns)
        ]
        self.classes: NDArray[np.float64] = np.array(members, float).reshape(len(columns), len(classes))

    def _all_stems(self, columns: Sequence[Column]) -> list[set[str]]:
        return [
            {*stems, *_comment_stems(column.comment)} for stems, column in zip(self.name_stems, columns, strict=True)
        ]


def _edge_array(schema: Schema, graph: JoinGraph) -> NDArray[np.intp]:
    position = {table.name.casefold(): index for index, table in enumerate(schema.tables)}
    edges = [(position[table], position[other]) for table in position for other in graph.neighbours(table)]
    return np.array(edges, dtype=np.intp).reshape(-1, 2).T


def _key_links(schema: Schema, graph: JoinGraph, position: dict[ColumnRef, int]) -> NDArray[np.intp]:
    """Column and the table that a key joins it to, declared or inferred: int (2, n_links)."""
    table = {table.name: index for index, table in enumerate(schema.tables)}
    links = []
    for key in graph.between([*table]):
        ends = graph.ends(key)
        tables = {table[ref.table] for ref in ends}
        links += [(position[ref], other) for ref in ends for other in tables - {table[ref.table]}]
    return np.array(links, dtype=np.intp).reshape(-1, 2).T


def _comment_stems(comment: str) -> tuple[str, ...]:
    return tuple(stem(word) for word in words(comment[:500])[:_MAX_COMMENT_WORDS])


def _description_stems(description: str) -> tuple[str, ...]:
    found = dict.fromkeys(stem(word) for word in words(description[:2000]) if word not in STOP_WORDS)
    return tuple(found)[:_MAX_DESCRIPTION_WORDS]


def _phrases(*names: Iterable[str]) -> tuple[str, ...]:
    texts = [" ".join(name) for name in names]
    return tuple(dict.fromkeys(f" {text} " for text in texts if " " in text))


def _kind(column: Column) -> str:
    return next((kind for kind, pattern in _KINDS if pattern.search(column.type)), "text")


class Meanings:
    """The word vectors of a schema's words and names."""

    def __init__(self, stats: SchemaStatistics) -> None:
        self.words: NDArray[np.float32] = load_vectors().of(list(stats.vocabulary))
        self.names = unit_vectors(np.stack([self._sum(stats.names), self._sum(stats.alternatives)]))
        tables = unit_vectors(np.stack([self._sum(stats.table_names), self._sum(stats.table_alternatives)]))
        self.tables = tables
        self.full = unit_vectors(self.names + 0.7 * tables[:, stats.table_of])
        self.kin = _kin(self.names, stats.table_of)

    def _sum(self, terms: Terms) -> NDArray[np.float32]:
        vectors = np.zeros((terms.size, self.words.shape[1]), dtype=np.float32)
        np.add.at(vectors, terms.owner, self.words[terms.word] * terms.share[:, None].astype(np.float32))
        return vectors


def _kin(names: NDArray[np.float32], table_of: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Pairs of columns of one table with names of near meaning, int (2, n_pairs), and how near, float64 (n_pairs,)."""
    starts = np.flatnonzero(np.diff(table_of, prepend=-1, append=-1)) if len(table_of) else np.zeros(0, np.intp)
    pairs, values = [np.zeros((2, 0), np.intp)], [np.zeros(0)]
    for start, end in pairwise(starts):
        if end - start <= _WIDEST:
            own = names[0, start:end]
            near = own @ own.T
            np.fill_diagonal(near, 0.0)
            found = np.argwhere(near >= _KIN)
            pairs.append(found.T + start)
            values.append(near[found[:, 0], found[:, 1]].astype(float))
    return np.concatenate(pairs, axis=1), np.concatenate(values)


def unit_vectors(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row divided by its length; a row of zeros stays."""
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    result: NDArray[np.float32] = vectors / np.maximum(norm, 1e-6)
    return result


class StatisticsCache:
    """Statistics of the schemas that were used last, by identity; a schema is immutable, so they never go stale.

    Args:
        size: How many schemas are remembered; each is kept alive.
    """

    def __init__(self, size: int = 8) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._entries: OrderedDict[int, SchemaStatistics] = OrderedDict()

    def __reduce__(self) -> tuple[type[StatisticsCache], tuple[int]]:
        return type(self), (self._size,)

    def text(self, schema: Schema) -> str:
        """The whole schema as M-Schema, written once."""
        statistics = self.get(schema)
        if statistics.text is None:
            statistics.text = render(schema)
        return statistics.text

    def get(self, schema: Schema) -> SchemaStatistics:
        """The statistics of `schema`, worked out when it is first seen."""
        with self._lock:
            # by identity, since hashing a large schema takes long; an entry keeps its schema alive, so that no other
            # one gets its id
            found = self._entries.get(id(schema))
            if found is not None:
                self._entries.move_to_end(id(schema))
                return found
        # outside the lock: two threads may build the same statistics, but neither waits for the other
        built = SchemaStatistics(schema)
        with self._lock:
            self._entries[id(schema)] = built
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
        return built


def sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logistic function, safe for large arguments."""
    result: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
    return result
