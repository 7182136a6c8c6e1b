"""The ranked linker: how likely a question needs each table and column, from explainable features and three small
networks; nothing to download."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.scorers.base import Scorer

from .base import LINKERS
from .context import SchemaContext
from .features import LOWEST, Question, column_features, sigmoid
from .network import LinkingWeights, load_weights
from .policy import JoinablePolicy
from .scored import ScoredLinker
from .table_features import table_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy

    from .statistics import SchemaStatistics

__all__ = ["RankedLinker", "RankedSchemaScorer", "final_features"]


@dataclass(frozen=True)
class RankedSchemaScorer(Scorer):
    """Probability 0..1 that a question needs a unit of a `SchemaContext`, higher = keep.

    First scores of the columns give features of the tables (their best columns, their neighbours over keys), scores of
    the tables give features of the columns again. Trained on training questions of Spider, Spider-Syn and BIRD, split
    by database; `benchmarks/training/linking_weights.py` makes the weights anew.

    Attributes:
        weights: The networks; by default those that come with the library.
    """

    weights: LinkingWeights = field(default_factory=load_weights, repr=False)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,).

        Raises:
            UsageError: The context is no schema.
        """
        if not isinstance(context, SchemaContext):
            raise UsageError(f"a {type(context).__name__} is not a schema", hint="wrap it in SchemaContext")
        scores = np.zeros(len(context.units), dtype=np.float32)
        if len(scores):
            columns, tables = self._probabilities(query, context)
            scores[list(context.column_units)] = columns
            scores[list(context.table_units)] = tables
        return scores

    def _probabilities(self, query: str, context: SchemaContext) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        stats, weights = context.statistics, self.weights
        features, words = column_features(stats, Question.read(query, context.evidence), context.hits)
        first = weights.first(features)
        tables = weights.table(table_features(stats, words, features, first))
        final = weights.final(final_features(stats, features, first, tables))
        return sigmoid(final), sigmoid(tables)


@LINKERS.register("ranked.v1")
@dataclass(frozen=True)
class RankedLinker(ScoredLinker):
    """A question's likely columns by what was learned from answered questions, with the keys and tables that join them.

    Attributes:
        scorer: Gives probabilities 0..1.
        policy: More recall: lower `columns`.

    Examples:
        ```python
        from ctxprune.sql import Database, RankedLinker

        with Database("shop.sqlite") as database:
            linked = RankedLinker().link(
                "What does the order item of Paris cost?", database.schema()
            )
        print([table.name for table in linked.schema.tables])  # ['order items']
        ```
    """

    scorer: Scorer = field(default_factory=RankedSchemaScorer)
    policy: Policy = field(default_factory=JoinablePolicy)


def final_features(
    stats: SchemaStatistics,
    features: NDArray[np.float64],
    first: NDArray[np.float64],
    tables: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The columns' features with those that need the first scores: float64 (n_columns, n_features + 10).

    Args:
        stats: Of the schema.
        features: float64 (n_columns, len(COLUMN_FEATURES)).
        first: float64 (n_columns,), first logits of the columns.
        tables: float64 (n_tables,), logits of the tables.
    """
    of, n = stats.table_of, len(first)
    best = np.full(len(tables), LOWEST)
    np.maximum.at(best, of, first)
    rank = np.empty(n)
    rank[np.argsort(-first, kind="stable")] = np.arange(n)
    order = np.lexsort((-first, of))
    inside = np.empty(n)
    inside[order] = np.arange(n) - np.searchsorted(of[order], of[order])
    parts = [
        first, tables[of], sigmoid(tables[of]), first - best[of], np.minimum(inside, 8), np.minimum(rank, 30),
        np.log1p(rank), first - first.max(initial=LOWEST), _kin(stats, first), _joined(stats, tables),
    ]  # fmt: skip
    return np.column_stack([features, *parts])


def _kin(stats: SchemaStatistics, first: NDArray[np.float64]) -> NDArray[np.float64]:
    """Best first probability of a column of the same table with a name of near meaning, times how near."""
    (here, there), near = stats.meanings.kin
    best = np.zeros(len(first))
    np.maximum.at(best, here, near * sigmoid(first[there]))
    return best


def _joined(stats: SchemaStatistics, tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Best probability of a table that a key joins the column to."""
    column, table = stats.key_links
    best = np.zeros(len(stats.refs))
    np.maximum.at(best, column, sigmoid(tables[table]))
    return best
