"""Rows and columns of tables, scored by what they are: cells under headers, numbers, dates, an order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.grid import largest_grids
from ctxprune.context.memo import ContextMemo
from ctxprune.scorers.base import Scorer, as_scorer, score_batch
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.table_reading.asked import ask
from ctxprune.scorers.structured.table_reading.column_features import column_features
from ctxprune.scorers.structured.table_reading.reading import TableReading
from ctxprune.scorers.structured.table_reading.required_parts import QuestionDemand
from ctxprune.scorers.structured.table_reading.row_features import row_blocks
from ctxprune.scorers.structured.table_reading.weights import TabularWeights, load_weights
from ctxprune.utils.validation import check_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.grid import Grid
    from ctxprune.context.scores import Scores

_LEAST = 1e-30
_UNSURE = 1e-4  # no model is surer than that

__all__ = ["QuestionDemand", "TabularScorer", "TabularWeights", "load_weights", "question_demand"]


@dataclass(frozen=True)
class TabularScorer(Scorer):
    """Rows and columns of the context's grids by what a table means; other units as `scorer` scores them.

    The score of a row or column is about the probability, 0..1, that it holds a cell the question needs (see
    `_share_by_odds`), higher = keep. It comes from two small networks over features that a person can check: words,
    numbers, dates and bounds of the question that cells hold; header words; the kind of thing asked for; extremes,
    first and last rows, rows beside a row that is named. See `table_reading/MODEL_CARD.md`. A unit of several rows has
    the best one's score. A context without grids scores as `scorer` does. Of more than 2,000 tables the 2,000 largest
    are read as tables (each takes half a millisecond, however small); the rows of the others score as `scorer` scores
    them.

    Attributes:
        scorer: Scores the units that are no rows or columns; rows too, where `weight` is not 0.
        weight: Of the log-odds that `scorer`, a model that gives probabilities, has for a row, less their mean over the
            rows of the grid, beside the log-odds of the networks. 0 leaves it unasked about rows.
        weights: The networks; by default those that come with the library.

    Raises:
        UsageError: `scorer` is not a scorer, or the weight is negative or not a number.
    """

    scorer: Scorer = field(default_factory=LexicalScorer)
    weight: float = 0.0
    weights: TabularWeights = field(default_factory=load_weights, repr=False)
    _readings: ContextMemo[tuple[TableReading, ...]] = field(
        default_factory=ContextMemo, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        as_scorer(self.scorer)
        check_number("weight", self.weight, minimum=0)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says. What does not depend on the question is computed once a context."""
        return self.score_batch([query], [context])[0]

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """`score` of each pair; the wrapped scorer sees all contexts that it is asked about at once."""
        results = [np.zeros(len(context.units), dtype=np.float32) for context in contexts]
        others = [place for place, context in enumerate(contexts) if self.weight or self._has_others(context)]
        given = score_batch(self.scorer, [queries[place] for place in others], [contexts[place] for place in others])
        for place, scores in zip(others, given, strict=True):
            # A copy: the wrapped scorer may hand out an array that it keeps, and scores of tables are written over it.
            results[place] = scores.copy()
        for query, context, scores in zip(queries, contexts, results, strict=True):
            for reading in self.readings(context):
                self._place(query, reading, scores)
        return results

    def readings(self, context: Context[Any]) -> tuple[TableReading, ...]:
        """The tables of the context that are read as tables, read once."""
        return self._readings.get(context, lambda: tuple(map(TableReading, largest_grids(as_context(context).grids))))

    def find_required(self, query: str, context: Context[Any]) -> NDArray[np.bool_]:
        """The rows that the question needs together and the columns that it is about (`question_demand`), bool
        (n_units,)."""
        required = np.zeros(len(context.units), dtype=np.bool_)
        for reading in self.readings(context):
            needs, grid = _find_demand(query, reading), reading.grid
            rows = range(len(grid.rows)) if needs.all_rows else needs.rows
            required[[grid.row_units[row] for row in rows]] = True
            if grid.column_units:
                required[[grid.column_units[column] for column in needs.shown_columns]] = True
        return required

    def is_demand_certain(self, query: str, context: Context[Any]) -> bool:
        """Whether every number of the question was understood in each table; see `QuestionDemand.certain`."""
        return all(_find_demand(query, reading).certain for reading in self.readings(context))

    def _has_others(self, context: Context[Any]) -> bool:
        """Whether some units are no rows or columns of the tables that are read."""
        inside = {
            unit for table in self.readings(context) for unit in (*table.grid.row_units, *table.grid.column_units)
        }
        return len(inside) < len(context.units)

    def _place(self, query: str, reading: TableReading, scores: Scores) -> None:
        """Write the scores of a grid's rows and columns over those of their units."""
        asked, grid = ask(query, reading), reading.grid
        reading.last_demand = query, asked.demand
        logits = np.concatenate([np.zeros(0), *map(self.weights.rows, row_blocks(asked))])
        if self.weight and len(logits):
            # Less the mean: how sure the model is of the table as a whole is not about rows.
            given = _log_odds(scores[list(grid.row_units)])
            logits = logits + self.weight * (given - given.mean())
        # Several rows may share a unit, whose score is the best one's: it must start below all of them.
        scores[list({*grid.row_units, *grid.column_units})] = 0.0
        _raise_to(scores, grid.row_units, logits)
        if grid.column_units:
            _raise_to(scores, grid.column_units, self.weights.columns(column_features(asked)))


def question_demand(query: str, grid: Grid) -> QuestionDemand:
    """What kind of question `query` is, the columns it names and the rows it cannot do without, by plain rules."""
    return ask(query, TableReading(grid)).demand


def _find_demand(query: str, reading: TableReading) -> QuestionDemand:
    """What the question needs, remembered from the scores: of a large table it takes a second."""
    last = reading.last_demand
    demand: QuestionDemand = last[1] if last is not None and last[0] == query else ask(query, reading).demand
    return demand


def _log_odds(scores: Scores) -> NDArray[np.float64]:
    likely = np.clip(scores.astype(np.float64), _UNSURE, 1 - _UNSURE)
    odds: NDArray[np.float64] = np.log(likely / (1 - likely))
    return odds


def _raise_to(scores: Scores, units: tuple[int, ...], logits: NDArray[np.float64]) -> None:
    np.maximum.at(scores, list(units), _share_by_odds(logits).astype(np.float32))


def _share_by_odds(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """The number of rows (or columns) that are likely needed, shared out among them by their odds; 1 at most for each.

    Where many rows have a small chance each, a clear favourite takes most of their sum. Policies that weigh sums of
    scores against each other keep more by this than by the chances themselves: of WikiTableQuestions train 96.3 % of
    the answers at half of the cells, 95.5 % by the chances.
    """
    # Clipped, so that no odds are infinite.
    odds = np.exp(np.clip(logits, -30, 30))
    needed = (odds / (1 + odds)).sum()
    shared: NDArray[np.float64] = np.minimum(needed * odds / max(odds.sum(), _LEAST), 1.0)
    return shared
