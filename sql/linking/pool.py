"""Linking over many databases at once: which database a question is about, and which of its tables and columns."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ctxprune.errors import SchemaError, UsageError
from ctxprune.models.network import Network
from ctxprune.models.weights import load_shipped, reading
from ctxprune.utils.validation import check_number, check_whole

from ..schema.joins import inferred_keys
from .collective import Segments, greedy_cover
from .context import SchemaContext
from .features import Question
from .pool_features import DATABASE_FEATURES, PoolStatistics
from .ranked import RankedSchemaScorer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from ctxprune.scorers.base import Scorer

    from ..schema.schema import ColumnRef, Schema, Table

__all__ = ["PoolRanking", "PooledColumn", "PooledDatabase", "PooledTable", "SchemaPool", "load_pool_network"]

FORMAT, VERSION = "ctxprune.linking.pool", 1
_FILE = "pool.json"
SEGMENT_WEIGHT = 0.1
"""What a column that a segment chose first gains.

The choice of the tuning part of benchmarks/quality/linking_segments.py for a chat model of 0.5 billion parameters, over
questions with and without evidence; segments of a large model may weigh more."""
_CHOSEN = 20  # columns that the segments choose
_ENOUGH, _MOST = 0.998, 8  # probability that the databases read closely hold together, and how many at most
_MOST_COLUMNS = 3000  # of the databases read closely; the likeliest one is always read


class PooledColumn(NamedTuple):
    """One column of one database."""

    database: str
    ref: ColumnRef
    score: float


class PooledTable(NamedTuple):
    """One table of one database."""

    database: str
    table: str
    score: float


class PooledDatabase(NamedTuple):
    """One database."""

    database: str
    score: float


@dataclass(frozen=True)
class PoolRanking:
    """What a question probably needs, best first; ties in the order of the pool.

    Attributes:
        columns, tables: At most the `k` that were asked for; scores are probabilities (0..1) that the question needs
            it: that of its database times that inside its database.
        databases: All of them; the scores are probabilities that sum to 1.
    """

    columns: tuple[PooledColumn, ...]
    tables: tuple[PooledTable, ...]
    databases: tuple[PooledDatabase, ...]


class SchemaPool:
    """Some databases that are searched together. Safe to share between threads; statistics are worked out once.

    A small network weighs how much of the question each database's names explain; a scorer for single schemas then
    reads the likely ones. Trained on training questions of Spider and BIRD over pools of their schemas;
    `benchmarks/training/pooled_weights.py` makes the weights anew. As a first stage before any linker::

        best = pool.rank(question).databases[0].database
        linked = linker.link(question, pool.schema(best))

    Args:
        schemas: Of different names. Those that declare no key at all are read with the keys that names suggest.
        scorer: Gives units of a `SchemaContext` probabilities.
        network: From `DATABASE_FEATURES` to the logit of a database.
        segments: Cuts a question into parts, such as `ChatSegments`; it is not given the evidence. The columns that the
            parts choose in turn (`greedy_cover`) gain up to `weight` times the probability of their database. None for
            none.
        weight: See `segments`; 0 or more. Scores of columns and tables may then be up to 1 + weight.

    Raises:
        UsageError: No schema, two of one name, or a weight below 0.
    """

    def __init__(
        self,
        schemas: Iterable[Schema],
        *,
        scorer: Scorer | None = None,
        network: Network | None = None,
        segments: Segments | None = None,
        weight: float = SEGMENT_WEIGHT,
    ) -> None:
        check_number("weight", weight, minimum=0)
        self._schemas: dict[str, Schema] = {}
        for schema in schemas:
            if schema.name in self._schemas:
                raise UsageError(f"two schemas of the pool are called {schema.name!r}", hint="rename one")
            self._schemas[schema.name] = schema
        if not self._schemas:
            raise UsageError("a pool needs at least one schema")
        self._scorer = scorer if scorer is not None else RankedSchemaScorer()
        self._network = network if network is not None else load_pool_network()
        self._statistics = PoolStatistics([_keyed(schema) for schema in self._schemas.values()])
        self._contexts = tuple(SchemaContext(inside.schema, statistics=inside) for inside in self._statistics.schemas)
        self._names = tuple(self._schemas)
        self._segments, self._weight = segments, weight

    def __reduce__(self) -> tuple[Any, ...]:
        parts = tuple(self._schemas.values()), self._scorer, self._network, self._segments, self._weight
        return _rebuilt, parts

    def schema(self, name: str) -> Schema:
        """The schema of that name, as it came in.

        Raises:
            SchemaError: There is none.
        """
        if name not in self._schemas:
            raise SchemaError(f"no database {name!r} in the pool", hint=f"databases: {', '.join(self._names[:20])}")
        return self._schemas[name]

    def rank(self, question: str, evidence: str = "", *, k: int = 50) -> PoolRanking:
        """Rank all columns, tables and databases of the pool for one question.

        Args:
            question: The user's words. Where question and evidence are blank everything scores 0 (databases: alike).
            evidence: Extra knowledge that came with the question.
            k: Columns, and tables, that are given back at most.

        Raises:
            UsageError: `k` is no whole number from 1 up.
        """
        check_whole("k", k)
        stats = self._statistics
        columns, tables = np.zeros(stats.column_starts[-1]), np.zeros(stats.table_starts[-1])
        shares = np.full(len(self._names), 1 / len(self._names))
        asked, hint = (question, evidence) if question.strip() else (evidence, "")
        if asked.strip():
            read = Question.read(asked, hint)
            shares = _softmax(self._network(stats.features(read)))
            columns, tables = self._scores(asked, hint, shares, read.raw)
        return self._ranking(columns, tables, shares, k)

    def _scores(
        self, asked: str, hint: str, shares: NDArray[np.float64], text: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Unlikely databases are not read closely: there, likeness of n-grams (0..1) stands in for the probability."""
        stats = self._statistics
        columns, tables = stats.column_ngrams.score(text), stats.table_ngrams.score(text)
        for index in self._likely(shares):
            context = copy(self._contexts[index])
            context.evidence = hint
            scores = self._scorer.score(asked, context)
            columns[stats.column_starts[index] : stats.column_starts[index + 1]] = scores[list(context.column_units)]
            tables[stats.table_starts[index] : stats.table_starts[index + 1]] = scores[list(context.table_units)]
        if self._segments is not None and self._weight:
            columns += self._weight * self._chosen(self._segments(asked, ""))
        columns *= np.repeat(shares, np.diff(stats.column_starts))
        tables *= np.repeat(shares, np.diff(stats.table_starts))
        return columns, tables

    def _chosen(self, segments: Sequence[str]) -> NDArray[np.float64]:
        """The turns in which segments chose columns, 1 for the first, falling evenly to 0: float64 (n_columns,)."""
        ngrams = self._statistics.column_ngrams
        turns = np.zeros(self._statistics.column_starts[-1])
        if segments and len(turns):
            likeness = np.stack([ngrams.score(segment) for segment in segments])
            # A segment that is like no column has its turn all the same, and would choose the first one that is left.
            picks = [pick for pick in greedy_cover(likeness, _CHOSEN) if likeness[pick.segment, pick.element] > 0]
            for turn, pick in enumerate(picks):
                turns[pick.element] = 1 - turn / len(picks)
        return turns

    def _likely(self, shares: NDArray[np.float64]) -> list[int]:
        order = np.argsort(-shares, kind="stable")[:_MOST]
        before = np.cumsum(shares[order]) - shares[order]
        columns = np.cumsum(np.diff(self._statistics.column_starts)[order])
        worth = (before < _ENOUGH) & (columns <= _MOST_COLUMNS)
        worth[0] = True
        return [int(index) for index in order[worth]]

    def _ranking(
        self, columns: NDArray[np.float64], tables: NDArray[np.float64], shares: NDArray[np.float64], k: int
    ) -> PoolRanking:
        stats = self._statistics
        best_columns, best_tables = (np.argsort(-values, kind="stable")[:k].tolist() for values in (columns, tables))
        of_columns = np.searchsorted(stats.column_starts, best_columns, side="right") - 1
        of_tables = np.searchsorted(stats.table_starts, best_tables, side="right") - 1
        return PoolRanking(
            tuple(
                PooledColumn(
                    self._names[owner],
                    stats.schemas[owner].refs[index - stats.column_starts[owner]],
                    float(columns[index]),
                )
                for index, owner in zip(best_columns, of_columns, strict=True)
            ),
            tuple(
                PooledTable(
                    self._names[owner],
                    stats.schemas[owner].schema.tables[index - stats.table_starts[owner]].name,
                    float(tables[index]),
                )
                for index, owner in zip(best_tables, of_tables, strict=True)
            ),
            tuple(
                PooledDatabase(self._names[index], float(shares[index]))
                for index in np.argsort(-shares, kind="stable").tolist()
            ),
        )


def load_pool_network() -> Network:
    """The network that comes with the library, read once.

    Raises:
        FormatError: The file is of another format or version, was made for other features, or is damaged.
    """
    return load_shipped(_parse_network, __package__, _FILE)


def _parse_network(data: Any) -> Network:
    with reading(data, (FORMAT, VERSION), list(DATABASE_FEATURES)) as read:
        network = Network.from_dict(read["network"])
    return network


def _rebuilt(
    schemas: tuple[Schema, ...], scorer: Scorer, network: Network, segments: Segments | None, weight: float
) -> SchemaPool:
    return SchemaPool(schemas, scorer=scorer, network=network, segments=segments, weight=weight)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    values = np.exp(logits - logits.max())
    result: NDArray[np.float64] = values / values.sum()
    return result


def _keyed(schema: Schema) -> Schema:
    """A schema that declares no key gets those that its names suggest: they decide what joins need."""
    if schema.foreign_keys or any(table.primary_key for table in schema.tables):
        return schema
    keyed = replace(schema, tables=tuple(_with_key(table) for table in schema.tables))
    return replace(keyed, foreign_keys=inferred_keys(keyed))


def _with_key(table: Table) -> Table:
    """ "id", "artist_id" in `artist` or `artists`, or a first column that reads like an identifier."""
    name = _letters(table.name)
    stems = {"", name, name.removesuffix("s")}
    likely = {f"{stem}{end}" for stem in stems for end in ("id", "uuid")}
    likely |= {f"{stem}{end}" for stem in stems - {""} for end in ("code", "key", "no")}
    found = [column.name for column in table.columns if _letters(column.name) in likely]
    found += [column.name for column in table.columns[:1] if column.name.casefold().endswith(("id", "code", "key"))]
    if not found:
        return table
    return replace(table, columns=tuple(replace(c, primary_key=c.name == found[0]) for c in table.columns))


def _letters(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())
