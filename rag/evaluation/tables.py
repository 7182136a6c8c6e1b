"""How many of the cells that questions need are left when a share of a table's cells is kept."""

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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .table_sets import TableItem

__all__ = ["BASELINES", "SHARES", "Keeper", "Kept", "TableReport", "as_table", "measure_tables", "pruned_by"]

SHARES = (25, 50)
"""Of the cells of the body, in percent."""


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
class TableReport:
    """Figures of one way to keep cells on one set, in percent, by kept share of the body's cells in percent.

    Every cell of the body counts as kept or not, those of a key column too; the header of kept columns is free.

    Attributes:
        cell_recall: Mean over questions of the share of needed cells that are kept. FeTaQA: the gold cells. TAT-QA: one
            cell for each span of the answer, any that says it. None for WikiTableQuestions, which marks no cells.
        answer_retention: Share of questions that keep for each of their answers at least one cell that is the same
            words (case, accents and punctuation aside; where no cell is the same, one that contains them). None for
            FeTaQA, whose answers are sentences.
        plus_minus: Half the width of the interval that holds the mean with 95 % (normal approximation).
        items: Questions.
        ms_per_table: Milliseconds of scoring, choosing and rendering once, for a table not seen before.
    """

    cell_recall: dict[str, float] | None
    answer_retention: dict[str, float] | None
    plus_minus: dict[str, float]
    items: int
    ms_per_table: float

    def to_dict(self) -> dict[str, Any]:
        """As plain numbers."""
        return {name: getattr(self, name) for name in self.__slots__}


def as_table(item: TableItem) -> Table[Any]:
    """The table of an item, read as a user would read a list of rows."""
    return Table(item.lines, TableOptions(header_rows=item.header_rows, title=item.title))


def pruned_by(scorer: Scorer | str) -> Keeper:
    """What a pruner with this scorer and `CellShare` keeps."""

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
    """Keep every share of `SHARES` of each item's table; `progress` is called after each.

    Raises:
        InputError: There is no item.
    """
    if not items:
        raise InputError("there is no question about a table")
    recalls: dict[str, list[float]] = {str(share): [] for share in SHARES}
    seconds = []
    for item in items:
        for share in SHARES:
            table = as_table(item)
            started = perf_counter()
            kept = keep(item, table, share / 100)
            seconds.append(perf_counter() - started)
            recalls[str(share)].append(_recall(item, table, kept))
        if progress is not None:
            progress()
    complete = {share: [float(value == 1) for value in values] for share, values in recalls.items()}
    shown = recalls if items[0].gold == "cells" else complete
    return TableReport(
        None if items[0].gold == "answers" else {share: percent(values) for share, values in recalls.items()},
        None if items[0].gold == "cells" else {share: percent(values) for share, values in complete.items()},
        {share: round(196 * pstdev(values) / len(values) ** 0.5, 2) for share, values in shown.items()},
        len(items),
        round(1000 * fmean(seconds), 3),
    )


def _recall(item: TableItem, table: Table[Any], kept: Kept) -> float:
    """Share of what is needed that is kept."""
    header_rows = len(item.lines) - len(table.grids[0].rows)
    found = (
        any(
            column in kept.columns and (line < header_rows or line - header_rows in kept.rows) for line, column in cells
        )
        for cells in item.needed
    )
    return fmean(map(float, found))


def _room(table: Table[Any], share: float) -> int:
    grid = table.grids[0]
    return int(share * len(grid.rows) * len(grid.header) + 1e-9)


def _best(scores: Sequence[float], count: int) -> frozenset[int]:
    return frozenset(np.argsort(-np.asarray(scores, dtype=np.float64), kind="stable")[:count].tolist())


def _lexical_rows(item: TableItem, table: Table[Any], share: float) -> Kept:
    """The rows that BM25 likes best, with all their columns."""
    grid = table.grids[0]
    scores = LexicalScorer().score(item.question, table)[list(grid.row_units)]
    rows = _best(scores.tolist(), _room(table, share) // max(len(grid.header), 1))
    return Kept(rows, frozenset(range(len(grid.header))))


def _columns_by_overlap(item: TableItem, table: Table[Any], share: float) -> Kept:
    """All rows of the columns that share most words with the question, in header and cells (TAPAS's heuristic)."""
    grid = table.grids[0]
    asked = set(re.findall(r"\w+", fold(item.question)))
    texts = [" ".join([name, *(row[column] for row in grid.rows)]) for column, name in enumerate(grid.header)]
    shared = [len(asked.intersection(re.findall(r"\w+", fold(text)))) for text in texts]
    return Kept(frozenset(range(len(grid.rows))), _best(shared, _room(table, share) // max(len(grid.rows), 1)))


@dataclass(frozen=True)
class _RandomScorer(Scorer):
    """Numbers from 0 to 1, the same for the same question."""

    def score(self, query: str, context: Any) -> Any:
        rng = random.Random(query)
        return np.array([rng.random() for _ in context.units], dtype=np.float32)


BASELINES: dict[str, Keeper] = {
    "lexical_rows": _lexical_rows,
    "columns_by_overlap": _columns_by_overlap,
    "random": pruned_by(_RandomScorer()),
}
"""What to compare with: BM25 rows with all columns, columns by overlap with all rows, rows and columns by chance."""
