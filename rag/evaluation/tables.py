"""How many of the cells that questions need are kept when a share of a table's cells is kept."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean, pstdev
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import InputError
from ctxprune.policies import CellShare
from ctxprune.pruning.pruner import Pruner
from ctxprune.scorers.base import Scorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.text.words import fold
from ctxprune.utils.percent import percent

from ..tables import Table, TableOptions
from .report import Report, mean_milliseconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .table_sets import TableItem

__all__ = ["BASELINES", "SHARES", "Keeper", "Kept", "TableReport", "build_keeper", "measure_tables", "read_table"]

SHARES = (25, 50)
"""Kept shares of the cells of the body, in percent."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a table.

    Attributes:
        rows: Indices of rows of the body.
        columns: Indices of columns; the header above them is kept with them and costs nothing.
    """

    rows: frozenset[int]
    columns: frozenset[int]


Keeper = Callable[["TableItem", "Table[Any]", float], Kept]
"""Chooses from a table for an item at most a share, 0 to 1, of the cells of its body."""


@dataclass(frozen=True, slots=True)
class TableReport(Report):
    """Figures of one method of keeping cells on one set, in percent, by kept share of the body's cells in percent.

    Every cell of the body counts as kept or not, those of a key column too; the header of kept columns is free.

    Attributes:
        cell_recall: Mean over questions of the share of needed cells that are kept. FeTaQA: the gold cells. TAT-QA: one
            cell for each span of the answer, any that says it. None for WikiTableQuestions, which marks no cells.
        answer_retention: Share of questions that keep for each of their answers at least one cell that is the same
            words (case, accents and punctuation aside; where no cell is the same, one that contains them). None for
            FeTaQA, whose answers are sentences.
        plus_minus: Half the width of the 95 % confidence interval of the mean (normal approximation).
        items: Number of questions.
        ms_per_table: Milliseconds to score, select and render a table that was not read before, once.
    """

    cell_recall: dict[str, float] | None
    answer_retention: dict[str, float] | None
    plus_minus: dict[str, float]
    items: int
    ms_per_table: float


def read_table(item: TableItem) -> Table[Any]:
    """The table of an item, read as a user would read a list of rows."""
    return Table(item.lines, TableOptions(header_rows=item.header_rows, title=item.title))


def build_keeper(scorer: Scorer | str) -> Keeper:
    """Build the keeper that prunes with this scorer and `CellShare`."""

    def keep(item: TableItem, table: Table[Any], share: float) -> Kept:
        pruned = Pruner(scorer, CellShare(share), counter=len, on_empty="drop").prune(item.question, table)
        grid, kept = table.grids[0], {verdict.index for verdict in pruned.units if verdict.kept}
        rows = frozenset(row for row, unit in enumerate(grid.row_units) if unit in kept)
        columns = frozenset(column for column, unit in enumerate(grid.column_units) if unit in kept)
        return Kept(rows, columns)

    return keep


def measure_tables(
    items: Sequence[TableItem], keep: Keeper, *, progress: Callable[[], object] | None = None
) -> TableReport:
    """Keep each share of `SHARES` of each item's table; `progress` is called after each.

    Raises:
        InputError: There is no item.
    """
    if not items:
        raise InputError("there is no question about a table")
    recalls: dict[str, list[float]] = {str(share): [] for share in SHARES}
    seconds = []
    for item in items:
        for share in SHARES:
            table = read_table(item)  # anew for each share: a table caches what was worked out about it
            started = perf_counter()
            kept = keep(item, table, share / 100)
            seconds.append(perf_counter() - started)
            recalls[str(share)].append(_measure_recall(item, table, kept))
        if progress is not None:
            progress()
    # An answer is retained where each of its parts has a cell that is kept.
    complete = {share: [float(value == 1) for value in values] for share, values in recalls.items()}
    # The interval is that of the set's main figure: cells where they are marked, else answers.
    shown = recalls if items[0].gold == "cells" else complete
    return TableReport(
        None if items[0].gold == "answers" else {share: percent(values) for share, values in recalls.items()},
        None if items[0].gold == "cells" else {share: percent(values) for share, values in complete.items()},
        {share: round(196 * pstdev(values) / len(values) ** 0.5, 2) for share, values in shown.items()},
        len(items),
        mean_milliseconds(seconds),
    )


def _measure_recall(item: TableItem, table: Table[Any], kept: Kept) -> float:
    """Share of the needed cells that are kept; a header cell is kept with its column."""
    header_rows = len(item.lines) - len(table.grids[0].rows)
    found = (
        any(
            column in kept.columns and (line < header_rows or line - header_rows in kept.rows) for line, column in cells
        )
        for cells in item.needed
    )
    return fmean(map(float, found))


def _count_cells(table: Table[Any], share: float) -> int:
    grid = table.grids[0]
    # The small term keeps 0.29 * 100 cells from becoming 28 by rounding.
    return int(share * len(grid.rows) * len(grid.header) + 1e-9)


def _top_indices(scores: Sequence[float], count: int) -> frozenset[int]:
    return frozenset(np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")[:count].tolist())


def _keep_lexical_rows(item: TableItem, table: Table[Any], share: float) -> Kept:
    """Keep the rows with the best BM25 scores, with all columns."""
    grid = table.grids[0]
    scores = LexicalScorer().score(item.question, table)[list(grid.row_units)]
    rows = _top_indices(scores.tolist(), _count_cells(table, share) // max(len(grid.header), 1))
    return Kept(rows, frozenset(range(len(grid.header))))


def _keep_overlapping_columns(item: TableItem, table: Table[Any], share: float) -> Kept:
    """Keep all rows of the columns that share most words with the question, in header and cells (TAPAS's heuristic)."""
    grid = table.grids[0]
    asked = set(re.findall(r"\w+", fold(item.question)))
    texts = [" ".join([name, *(row[column] for row in grid.rows)]) for column, name in enumerate(grid.header)]
    shared = [len(asked.intersection(re.findall(r"\w+", fold(text)))) for text in texts]
    return Kept(
        frozenset(range(len(grid.rows))), _top_indices(shared, _count_cells(table, share) // max(len(grid.rows), 1))
    )


@dataclass(frozen=True)
class _RandomScorer(Scorer):
    """Uniform scores from 0 to 1; the question is the seed."""

    def score(self, query: str, context: Any) -> Any:
        rng = random.Random(query)
        return np.array([rng.random() for _ in context.units], dtype=np.float32)


BASELINES: dict[str, Keeper] = {
    "lexical_rows": _keep_lexical_rows,
    "columns_by_overlap": _keep_overlapping_columns,
    "random": build_keeper(_RandomScorer()),
}
"""Baselines: the best rows by BM25, the best columns by word overlap, and random rows and columns."""
