"""The pruner linker: the bundled model reads the question beside the tables and their columns; nothing to download."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from ctxprune.context.base import Context, Unit
from ctxprune.errors import UsageError
from ctxprune.scorers.base import Scorer, as_scorer
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.utils.validation import check_whole

from .base import LINKERS
from .context import SchemaContext
from .policy import JoinablePolicy
from .ranked import RankedSchemaScorer
from .scored import ScoredLinker

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy

    from .statistics import SchemaStatistics

__all__ = ["PrunerLinker", "PrunerSchemaScorer", "SchemaDocuments"]

_LONGEST = 2000  # characters of a unit that are read


class SchemaDocuments(Context[tuple[int, ...]]):
    """A schema as the model reads it, in training too: a document a table, under its text, and a unit a column.

    The texts are those of `SchemaContext` without values, of each at most 2,000 characters; `sources` counts the tables
    from 0. How they are read says `ctxprune.scorers.neural.pruner.PrunerScorer`. Renders as the sorted indices.

    Args:
        titles: Text of each table.
        columns: Text of each column, table by table.
        tables: Index of the table of each column.
    """

    kind = "schema"
    units: tuple[Unit, ...]
    sources: tuple[int, ...]
    titles: tuple[str, ...]

    def __init__(self, titles: Sequence[str], columns: Sequence[str], tables: Sequence[int]) -> None:
        self.titles = tuple(text[:_LONGEST] for text in titles)
        self.units = tuple(Unit(text[:_LONGEST]) for text in columns)
        self.sources = tuple(tables)

    @classmethod
    def of(cls, context: SchemaContext) -> SchemaDocuments:
        """Those of a schema, whatever values were found in it."""
        plain = SchemaContext(context.schema) if context.hits else context
        place = {unit: number for number, unit in enumerate(plain.table_units)}
        columns = [plain.units[index] for index in plain.column_units]
        return cls(
            [plain.units[index].text for index in plain.table_units],
            [unit.text for unit in columns],
            [place[unit.parent] for unit in columns if unit.parent is not None],
        )

    def part(self, chosen: Collection[int]) -> SchemaDocuments:
        """With these units alone."""
        order = sorted(chosen)
        return SchemaDocuments(self.titles, [self.units[i].text for i in order], [self.sources[i] for i in order])

    def render(self, kept: Collection[int]) -> tuple[int, ...]:
        """The sorted indices."""
        return tuple(sorted(kept))


@dataclass(frozen=True)
class PrunerSchemaScorer(Scorer):
    """Probability 0..1 that a question needs a unit of a `SchemaContext`, higher = keep, by a model that reads both.

    Evidence is read after the question. Values are not read: a column with a value hit has at least the hit's score.
    Where the columns' texts are longer together than `longest`, those are read that `first` likes best; the others,
    and tables of which nothing was read, score 0.

    Attributes:
        model: Reads; `PrunerScorer(threads=2)` uses two threads, which does not change the scores.
        first: Scores of a `SchemaContext`, asked for large schemas alone.
        longest: Characters of columns that are read, from 1 up; the best column always is. 16,000 are about 500 columns
            and half a second.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
    """

    model: PrunerScorer = field(default_factory=PrunerScorer)
    first: Scorer = field(default_factory=RankedSchemaScorer)
    longest: int = 16_000
    _seen: WeakKeyDictionary[SchemaStatistics, SchemaDocuments] = field(
        default_factory=WeakKeyDictionary, init=False, repr=False, compare=False
    )
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.model, PrunerScorer):
            raise UsageError(f"model is a {type(self.model).__name__}", hint="give a PrunerScorer")
        as_scorer(self.first, "first")
        check_whole("longest", self.longest)

    def __reduce__(self) -> tuple[type[PrunerSchemaScorer], tuple[PrunerScorer, Scorer, int]]:
        return type(self), (self.model, self.first, self.longest)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,).

        Raises:
            UsageError: The context is no schema.
        """
        schema = _schema(context)
        return self.lifted(self.read(query, schema), schema)

    def lifted(self, scores: Scores, schema: SchemaContext) -> Scores:
        """What `score` makes of what `read` gave: 0 for NaN, at least the hit's score for a column with a value hit."""
        return schema.lifted(np.nan_to_num(scores, nan=0.0))

    def read(self, query: str, context: Context[Any]) -> Scores:
        """What the model says, without value hits: float32 (n_units,), NaN for units that were not read.

        Raises:
            UsageError: The context is no schema.
        """
        schema = _schema(context)
        scores: Scores = np.full(len(schema.units), np.nan, dtype=np.float32)
        documents = self._documents(schema)
        chosen = self._chosen(query, schema, documents)
        if not chosen.size:
            return scores
        part = documents if len(chosen) == len(documents.units) else documents.part(chosen.tolist())
        asked = " ".join(text for text in (query, schema.evidence) if text)
        columns, tables = self.model.score_documents(asked, part)
        scores[np.array(schema.column_units, np.intp)[chosen]] = columns
        read = np.unique(np.array(part.sources, np.intp))
        scores[np.array(schema.table_units, np.intp)[read]] = tables[read]
        return scores

    def _documents(self, schema: SchemaContext) -> SchemaDocuments:
        with self._lock:
            found = self._seen.get(schema.statistics)
        if found is None:
            found = SchemaDocuments.of(schema)
            with self._lock:
                self._seen[schema.statistics] = found
        return found

    def _chosen(self, query: str, schema: SchemaContext, documents: SchemaDocuments) -> NDArray[np.intp]:
        """Indices of the columns that are read, rising."""
        lengths = np.array([len(unit.text) for unit in documents.units], np.intp)
        if lengths.sum() <= self.longest:
            return np.arange(len(lengths))
        liked = self.first.score(query, schema)[np.array(schema.column_units, np.intp)]
        order = np.argsort(-liked, kind="stable")
        fits = np.cumsum(lengths[order]) <= self.longest
        fits[0] = True
        return np.sort(order[fits])


@LINKERS.register("pruner.v1")
@dataclass(frozen=True)
class PrunerLinker(ScoredLinker):
    """A question's likely columns by the bundled model, with the keys and tables that join them.

    Attributes:
        scorer: Gives probabilities 0..1.
        policy: More recall: lower `columns`.
    """

    scorer: Scorer = field(default_factory=PrunerSchemaScorer)
    policy: Policy = field(default_factory=JoinablePolicy)

    @classmethod
    def load(cls, model: str | Path | None = None, *, threads: int = 1) -> PrunerLinker:
        """A linker with the model of a folder, None for the bundled one, and threads of one call, from 1 up.

        Raises:
            UsageError: `threads` is under 1.
        """
        return cls(PrunerSchemaScorer(PrunerScorer(model, threads)))


def _schema(context: Context[Any]) -> SchemaContext:
    if not isinstance(context, SchemaContext):
        raise UsageError(f"a {type(context).__name__} is not a schema", hint="wrap it in SchemaContext")
    return context
