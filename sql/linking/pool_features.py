"""What tells which of many databases a question is about: how much of it the names of each explain."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.models.vectors import load_vectors

from .ngrams import NgramIndex
from .statistics import SchemaStatistics, Terms
from .words import load_cues, name_stems, natural, similarity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ..schema.schema import Column, Schema, Table
    from .features import Question

__all__ = ["DATABASE_FEATURES", "PoolStatistics"]

_MAX_TERMS = 120  # distinct words of a question, and of its evidence, that are read
_MATCHED = 0.5  # from here a word counts as matched
_BEST, _MANY = 5, 10  # columns of a database that are summed up
_ALIKE = 0.4  # cosine from which words count as alike in meaning
_SHORTEST = 4  # characters of a name that is looked for as it is written

_RAW = (
    "covered",
    "covered_exactly",
    "covered_by_tables",
    "covered_by_columns",
    "covered_by_best_table",
    "told_covered",
    "told_covered_exactly",
    "told_covered_by_best_table",
    "pairs_covered",
    "ngram",
    "ngram_best_table",
    "ngram_best_column",
    "ngram_best_columns",
    "best_column",
    "best_columns",
    "full_columns",
    "verbatim_told",
    "verbatim_asked",
    "named",
    "meant",
    "meant_by_best_table",
    "told_meant",
    "told_meant_by_best_table",
    "gist",
    "gist_best_table",
)
DATABASE_FEATURES = (*_RAW, *(f"{name}_behind" for name in _RAW), "rank", "n_tables", "n_columns", "told_size")


class PoolStatistics:
    """Everything about some schemas together that does not depend on the question.

    Args:
        schemas: In the order of all results.
    """

    def __init__(self, schemas: Sequence[Schema]) -> None:
        self.schemas = tuple(SchemaStatistics(schema) for schema in schemas)
        n_tables = [len(schema.tables) for schema in schemas]
        n_columns = [len(stats.refs) for stats in self.schemas]
        self.table_starts: NDArray[np.intp] = np.cumsum([0, *n_tables])
        self.column_starts: NDArray[np.intp] = np.cumsum([0, *n_columns])
        self._table_owner: NDArray[np.intp] = np.repeat(np.arange(len(schemas)), n_tables)
        self._column_owner: NDArray[np.intp] = np.repeat(np.arange(len(schemas)), n_columns)
        places = [stats.table_of + start for stats, start in zip(self.schemas, self.table_starts, strict=False)]
        self._column_table: NDArray[np.intp] = np.concatenate([np.zeros(0, np.intp), *places])
        self._sizes = np.log1p(np.stack([n_tables, n_columns], axis=1))
        tables = [table for schema in schemas for table in schema.tables]
        columns = [column for stats in self.schemas for column in stats.columns]
        self._words([schema.name for schema in schemas], tables, columns)
        named = [f"{table.name} {natural(table.name)}" for table in tables]
        self.column_ngrams = NgramIndex(
            [
                f"{named[owner]} {column.name} {natural(column.name)} {column.comment}"
                for owner, column in zip(self._column_table, columns, strict=True)
            ]
        )
        self._near = lru_cache(maxsize=20_000)(self._find_near)
        self._meant = lru_cache(maxsize=20_000)(self._find_meant)

    def _words(self, databases: Sequence[str], tables: Sequence[Table], columns: Sequence[Column]) -> None:
        names = [name_stems(column.name) for column in columns]
        of_column = [(*name, *_comment(column.comment)) for name, column in zip(names, columns, strict=True)]
        of_table = [(*name_stems(table.name), *_comment(table.comment)) for table in tables]
        of_database = [name_stems(name) for name in databases]
        every = (word for text in (*of_column, *of_table, *of_database) for word in text)
        self._vocabulary = {word: number for number, word in enumerate(dict.fromkeys(every))}
        self._by_letter: dict[str, list[str]] = defaultdict(list)
        for word in self._vocabulary:
            self._by_letter[word[0]].append(word)
        by_tables = _gather(of_table, self._table_owner, of_database)
        by_columns = _gather(of_column, self._column_owner, [()] * len(databases))
        whole_tables = _gather(of_column, self._column_table, of_table)
        both = [{**some, **others} for some, others in zip(by_tables, by_columns, strict=True)]
        self._in_tables, self._in_columns = _Owners(by_tables, self._vocabulary), _Owners(by_columns, self._vocabulary)
        self._in_whole_table = _Owners(whole_tables, self._vocabulary)
        self._in_name = _Owners(of_database, self._vocabulary)
        self.table_ngrams = NgramIndex([" ".join(words) for words in whole_tables])
        self._database_ngrams = NgramIndex([" ".join(words) for words in both])
        self._frequency = frequency = Counter(word for words in both for word in words)
        rarity = np.array([_idf(len(databases), frequency[word]) for word in self._vocabulary])
        self._vectors = load_vectors().of(tuple(self._vocabulary))
        self._database_gists, self._table_gists = self._gists(both, rarity), self._gists(whole_tables, rarity)
        self._names = self._terms(names, rarity)
        self._rarity = np.bincount(self._names.owner, rarity[self._names.word], minlength=len(names)).astype(float)
        self._folded = [name for stats in self.schemas for name in stats.folded]
        same = Counter(self._folded)
        self._alone = np.array([1 / same[name] for name in self._folded])

    def _terms(self, texts: Sequence[Sequence[str]], weights: NDArray[np.float64]) -> Terms:
        owner = np.repeat(np.arange(len(texts)), [len(text) for text in texts])
        word = np.array([self._vocabulary[term] for text in texts for term in text], np.intp)
        total = np.bincount(owner, weights[word], minlength=len(texts))
        return Terms(owner, word, weights[word] / total[owner], len(texts))

    def _find_near(self, term: str) -> Mapping[int, float]:
        """The words of the vocabulary that a term of a question speaks for, with how well (0..1)."""
        near = dict(load_cues().related.get(term, {}))
        for word in self._by_letter.get(term[0], ()):
            near[word] = max(similarity(word, term), near.get(word, 0.0))
        known = {self._vocabulary[word]: value for word, value in near.items() if word in self._vocabulary}
        return dict(sorted((pair for pair in known.items() if pair[1]), key=lambda pair: pair[1]))

    def _find_meant(self, term: str) -> Mapping[int, float]:
        """Those and the words of like meaning, as far as their cosine is worth anything."""
        cosines = self._vectors @ load_vectors().of([term])[0]
        near = {int(word): float(cosines[word]) for word in np.flatnonzero(cosines >= _ALIKE)}
        for word, value in self._near(term).items():
            near[word] = max(value, near.get(word, 0.0))
        return dict(sorted(near.items(), key=lambda pair: pair[1]))

    def _gists(self, texts: Sequence[Iterable[str]], rarity: NDArray[np.float64]) -> NDArray[np.float64]:
        """Unit vectors of what the names of each owner are about: float64 (n_owners, n_dimensions)."""
        sums = np.zeros((len(texts), self._vectors.shape[1]))
        for line, words in zip(sums, texts, strict=True):
            numbers = [self._vocabulary[word] for word in words]
            if numbers:
                line[:] = rarity[numbers] @ self._vectors[numbers]
        result: NDArray[np.float64] = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        return result

    def features(self, question: Question) -> NDArray[np.float64]:
        """What speaks for each database: float64 (n_databases, len(DATABASE_FEATURES)).

        "_behind" is the distance to the best database (0 or less).
        """
        asked = [self._near(term) for term in tuple(dict.fromkeys(question.asked))[:_MAX_TERMS]]
        from_evidence = [self._near(term) for term in tuple(dict.fromkeys(question.evidence_stems))[:_MAX_TERMS]]
        raw = {
            **self._coverage(asked),
            **{f"told_{name}": values for name, values in self._coverage(from_evidence).items()},
            **self._ngram_features(question.raw),
            **self._column_features([*asked, *from_evidence]),
            **self._meaning_features(question),
            "verbatim_told": self._verbatim(question.folded_evidence),
            "verbatim_asked": self._verbatim(question.folded),
        }
        values = np.stack([raw[name] for name in _RAW], axis=1)
        covered = values[:, 0]
        rank = np.log1p(np.searchsorted(np.sort(-covered), -covered))
        size = np.full(len(covered), math.log1p(len(from_evidence)))
        return np.column_stack([values, values - values.max(axis=0), rank, self._sizes, size])

    def _coverage(self, near: Sequence[Mapping[int, float]]) -> dict[str, NDArray[np.float64]]:
        """Shares of the terms that names explain, rare terms counting more."""
        tables, columns = self._in_tables.best(near), self._in_columns.best(near)
        either = np.maximum(tables, columns)
        weight = self._weights(either)
        whole = _share(self._in_whole_table.best(near), weight)
        return {
            "covered": _share(either, weight),
            "covered_exactly": _share(np.floor(either), weight),
            "covered_by_tables": _share(tables, weight),
            "covered_by_columns": _share(columns, weight),
            "covered_by_best_table": self._best(whole, self._table_owner),
            "pairs_covered": _share(np.minimum(either[:-1], either[1:]), weight[:-1] + weight[1:]),
            "named": _share(self._in_name.best(near), weight),
        }

    def _weights(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Terms that few databases explain weigh more: float64 (n_terms,)."""
        return np.array([_idf(len(self.schemas), count) for count in (scores >= _MATCHED).sum(axis=1)])

    def _meaning_features(self, question: Question) -> dict[str, NDArray[np.float64]]:
        """The same with words of like meaning, and how alike names and question are as a whole."""
        found = {}
        for prefix, terms in (("", question.asked), ("told_", question.evidence_stems)):
            near = [self._meant(term) for term in tuple(dict.fromkeys(terms))[:_MAX_TERMS]]
            either = np.maximum(self._in_tables.best(near), self._in_columns.best(near))
            weight = self._weights(either)
            found[f"{prefix}meant"] = _share(either, weight)
            whole = _share(self._in_whole_table.best(near), weight)
            found[f"{prefix}meant_by_best_table"] = self._best(whole, self._table_owner)
        terms = tuple(dict.fromkeys([*question.asked, *question.evidence_stems]))[:_MAX_TERMS]
        weight = np.array([_idf(len(self.schemas), self._frequency.get(term, 0)) for term in terms])
        gist = weight @ load_vectors().of(terms) if terms else np.zeros(self._vectors.shape[1])
        gist = gist / max(float(np.linalg.norm(gist)), 1e-9)
        found["gist"] = self._database_gists @ gist
        found["gist_best_table"] = self._best(self._table_gists @ gist, self._table_owner)
        return found

    def _ngram_features(self, text: str) -> dict[str, NDArray[np.float64]]:
        columns = self.column_ngrams.score(text)
        return {
            "ngram": self._database_ngrams.score(text),
            "ngram_best_table": self._best(self.table_ngrams.score(text), self._table_owner),
            "ngram_best_column": self._best(columns, self._column_owner),
            "ngram_best_columns": self._sum_of_best(columns, _BEST),
        }

    def _column_features(self, near: Sequence[Mapping[int, float]]) -> dict[str, NDArray[np.float64]]:
        scores = np.zeros(len(self._vocabulary))
        for words in near:
            for word, value in words.items():
                scores[word] = max(scores[word], value)
        coverage = self._names.coverage(scores)
        explained = coverage**2 * self._rarity
        return {
            "best_column": self._best(explained, self._column_owner),
            "best_columns": self._sum_of_best(explained, _BEST),
            "full_columns": self._sum_of_best(np.where(coverage > 0.99, self._rarity, 0.0), _MANY),
        }

    def _verbatim(self, text: str) -> NDArray[np.float64]:
        """Column names that stand in the text as they are; a name that many tables have counts less."""
        if not text:
            return np.zeros(len(self.schemas))
        found = [len(name) >= _SHORTEST and name in text for name in self._folded]
        return self._sum_of_best(np.array(found, dtype=float) * self._alone, _MANY)

    def _best(self, values: NDArray[np.float64], owner: NDArray[np.intp]) -> NDArray[np.float64]:
        best = np.zeros(len(self.schemas))
        np.maximum.at(best, owner, values)
        return best

    def _sum_of_best(self, values: NDArray[np.float64], most: int) -> NDArray[np.float64]:
        """Sum over the `most` best columns of each database."""
        order = np.lexsort((-values, self._column_owner))
        place = np.arange(len(order)) - self.column_starts[self._column_owner]
        kept = place < most
        return np.bincount(self._column_owner[kept], values[order][kept], minlength=len(self.schemas)).astype(float)


class _Owners:
    """For every word those (databases, tables) whose names hold it."""

    def __init__(self, texts: Sequence[Collection[str]], vocabulary: Mapping[str, int]) -> None:
        rows: list[list[int]] = [[] for _ in vocabulary]
        for owner, words in enumerate(texts):
            for word in dict.fromkeys(words):
                rows[vocabulary[word]].append(owner)
        self._rows = [np.array(row, dtype=np.intp) for row in rows]
        self._size = len(texts)

    def best(self, near: Sequence[Mapping[int, float]]) -> NDArray[np.float64]:
        """How well the best word of each owner matches each term: float64 (n_terms, n_owners), 0..1.

        Args:
            near: For each term the words it speaks for, worst first.
        """
        scores = np.zeros((len(near), self._size))
        for line, words in zip(scores, near, strict=True):
            for word, value in words.items():
                line[self._rows[word]] = value
        return scores


def _idf(n: int, frequency: int) -> float:
    return math.log((1 + n) / (0.5 + frequency))


def _share(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = weight @ values / (weight.sum() or 1.0)
    return result


def _comment(comment: str) -> tuple[str, ...]:
    return name_stems(comment[:200]) if comment else ()


def _gather(
    texts: Sequence[Iterable[str]], owner: NDArray[np.intp], starts: Sequence[Iterable[str]]
) -> list[dict[str, None]]:
    """The different words of each owner: its own (`starts`), then those of what it owns."""
    words = [dict.fromkeys(start) for start in starts]
    for text, index in zip(texts, owner.tolist(), strict=True):
        words[index].update(dict.fromkeys(text))
    return words
