"""Rows and columns of tables, scored by what they are: cells under headers, numbers, dates, an order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune._memo import ContextMemo
from ctxprune.errors import UsageError
from ctxprune.grid import grids_of
from ctxprune.scorers._tabular.demand import QuestionDemand, demand_of, question_form
from ctxprune.scorers._tabular.features import table_features
from ctxprune.scorers._tabular.headers import named_columns
from ctxprune.scorers._tabular.reading import TableReading
from ctxprune.scorers._tabular.weights import TabularWeights, load_weights
from ctxprune.scorers.base import Scorer, score_batch
from ctxprune.scorers.lexical import LexicalScorer
from ctxprune.text import terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context import Context
    from ctxprune.grid import Grid
    from ctxprune.scorers.base import Scores

__all__ = ["QuestionDemand", "TabularScorer", "TabularWeights", "load_weights", "question_demand"]


@dataclass(frozen=True)
class TabularScorer:
    """Rows and columns of the context's grids by what a table means; other units as `scorer` scores them.

    The score of a row or column is the probability, 0..1, that it holds a cell the question needs, higher = keep. It
    comes from two small networks over features that a person can check: words, numbers, dates and bounds of the
    question that cells hold; header words, also by meaning; the kind of thing asked for; extremes, first and last rows,
    rows beside a row that is named. See `_tabular/MODEL_CARD.md`. A unit of several rows has the best one's score. A
    context without grids scores as `scorer` does.

    Attributes:
        scorer: Scores the units that are no rows or columns.
        weights: The networks; by default those that come with the library.

    Raises:
        UsageError: `scorer` is none.
    """

    scorer: Scorer = field(default_factory=LexicalScorer)
    weights: TabularWeights = field(default_factory=load_weights, repr=False)
    _readings: ContextMemo[tuple[TableReading, ...]] = field(
        default_factory=ContextMemo, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not isinstance(self.scorer, Scorer) or isinstance(self.scorer, type):
            raise UsageError(f"scorer is {self.scorer!r}", hint="give a scorer")

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says. What depends on the tables alone is worked out once a context."""
        return self.score_batch([query], [context])[0]

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """`score` of each pair; the wrapped scorer sees all contexts with units outside of tables at once."""
        results = [np.zeros(len(context.units), dtype=np.float32) for context in contexts]
        others = [place for place, context in enumerate(contexts) if _has_others(context)]
        given = score_batch(self.scorer, [queries[place] for place in others], [contexts[place] for place in others])
        for place, scores in zip(others, given, strict=True):
            results[place] = scores.copy()
        for query, context, scores in zip(queries, contexts, results, strict=True):
            readings = self._readings.get(context, lambda context=context: _read(context))  # type: ignore[misc]
            for reading in readings:
                self._place(query, reading, scores)
        return results

    def _place(self, query: str, reading: TableReading, scores: Scores) -> None:
        """Write the scores of a grid's rows and columns over those of their units."""
        rows, columns = table_features(query, reading)
        grid = reading.grid
        scores[list({*grid.row_units, *grid.column_units})] = 0.0
        _raise_to(scores, grid.row_units, self.weights.rows(rows))
        if grid.column_units:
            _raise_to(scores, grid.column_units, self.weights.columns(columns))


def question_demand(query: str, grid: Grid) -> QuestionDemand:
    """What kind of question `query` is, the columns it names and the rows it cannot do without, by plain rules."""
    reading = TableReading(grid)
    return demand_of(question_form(query), reading, named_columns(list(dict.fromkeys(terms(query))), reading))


def _read(context: Context[Any]) -> tuple[TableReading, ...]:
    return tuple(TableReading(grid) for grid in grids_of(context))


def _has_others(context: Context[Any]) -> bool:
    inside = {unit for grid in grids_of(context) for unit in (*grid.row_units, *grid.column_units)}
    return len(inside) < len(context.units)


def _raise_to(scores: Scores, units: tuple[int, ...], logits: NDArray[np.float64]) -> None:
    np.maximum.at(scores, list(units), 1 / (1 + np.exp(-np.clip(logits, -30, 30))).astype(np.float32))
