"""Policies for tables: columns and rows are chosen together, since a cell is kept if both of its own are.

A row costs what its cells in the kept columns cost, so each column that goes makes room for rows. Of all numbers of
best columns the one is taken that keeps most: the share of the columns' scores, times the sum of the scores of the best
rows that there is room for. Where scores are probabilities that a row, and a column, is needed, and the two do not hang
together, that is the number of needed cells to be expected.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.closure import Closure
from ctxprune.context.demand import demanded_units
from ctxprune.context.grid import grids_of
from ctxprune.context.memo import ContextMemo
from ctxprune.context.scores import as_scores
from ctxprune.errors import BudgetError, UsageError
from ctxprune.policies.base import ClosedPolicy, Selection, _as_tokens, _Chooser, _Room
from ctxprune.policies.cell_prices import CellPrices, PricedTable, text_shares
from ctxprune.utils.validation import is_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["CellShare", "TableBudget"]

_TRIED = 128  # numbers of columns
_NEEDED = 6.0  # rows, in sum of their probabilities; fewer are too few for some tables of a page
_PARTS = 1024  # of a token, in which prices are counted, so that rounding adds up to nothing


class CellPolicy(ClosedPolicy):
    """Base that chooses columns and rows together; a subclass says what cells cost and how much may be spent.

    Units outside of tables whose columns are units compete with the rows. What the question demands
    (`ctxprune.context.demand`) comes first: as many of the demanded columns as leave room for a demanded row, then the
    demanded rows; where these are all rows, other columns make room for all of them if they can.
    """

    full = "budget"
    strict = False

    @abstractmethod
    def prices(self, context: Context[Any], tokens: NDArray[np.int64]) -> tuple[CellPrices, int]:
        """What the units cost, and the limit."""

    def worth(self, ranked: Scores) -> int:
        """All: the room does the cutting."""
        return len(ranked)

    def select(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """See `Policy.select`. Only what is pinned, where there is no room for a single row with its keys.

        Raises:
            BudgetError: As `Policy.select`; also where `strict` and not all rows fit that the question demands.
        """
        scores = as_scores(scores, len(context.units), source=type(self).__name__)
        prices, limit = self.prices(context, _as_tokens(tokens, len(scores)))
        chooser = _Chooser(Closure(context.units), _Room(prices.whole, limit, "what there is room for"))
        plan = _Plan(prices, scores, context, chooser, strict=self.strict)
        found = plan.columns()
        if found is None:
            chooser.reasons = [self.full if reason == "score" else reason for reason in chooser.reasons]
            return chooser.selection()
        chooser.room = _Room(found[1], limit, "")
        for index in found[0]:
            chooser.add(index, "selected", self.full)
        together = chooser.add_together(plan.demanded, "demanded")
        if not together and self.strict:
            raise BudgetError(
                f"the {len(plan.demanded)} rows that the question needs together do not fit",
                where=type(self).__name__,
                hint="raise the budget, or let strict be False to keep the best of them",
            )
        chooser.add_ranked(np.asarray(plan.demanded, dtype=np.int64), "selected", self.full)
        if together or not chooser.kept[plan.demanded].any():  # else no others where demanded ones had no room
            chooser.add_ranked(plan.others, "selected", self.full)
        chooser.room = _Room(prices.of_columns(chooser.kept), limit, "")
        for index in plan.ranked_columns:
            if not chooser.kept[index]:
                chooser.add(index, "selected", self.full)
        return chooser.selection()

    def select_best(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """What `select` gives: it leaves nothing out that there is room for."""
        return self.select(scores, context, tokens)


class _Plan:
    """Which columns to keep.

    Attributes:
        ranked_columns: All units that are columns, best first.
        others: All other units that are not kept yet, the demanded ones first, then best first.
        demanded: Those of them that the question needs together.
    """

    def __init__(
        self, prices: CellPrices, scores: Scores, context: Context[Any], chooser: _Chooser, *, strict: bool
    ) -> None:
        self._prices, self._chooser = prices, chooser
        order = np.argsort(-scores, kind="stable")
        columns = np.concatenate([[], *(table.columns for table in prices.tables)]).astype(np.int64)
        is_column = np.zeros(len(order), dtype=np.bool_)
        is_column[columns] = True
        wanted = np.zeros(len(order), dtype=np.bool_)
        wanted[demanded_units(context)] = True
        order = order[np.argsort(~wanted[order], kind="stable")]
        self.ranked_columns: list[int] = order[is_column[order]].tolist()
        self.others = order[~is_column[order] & ~chooser.kept[order]]
        self.demanded: list[int] = self.others[wanted[self.others]].tolist()
        self._all_or_none = strict or len(self.demanded) == len(self.others)  # of a total a part is of little use
        self._wanted_columns = [index for index in self.ranked_columns if wanted[index]]
        needed = (link for table in prices.tables for row in table.rows for link in context.units[row].requires)
        self._keys = sorted({link for link in needed if is_column[link]} | {*np.flatnonzero(chooser.kept & is_column)})
        floor = min(0.0, float(scores.min(initial=0)))
        self._gains = scores.astype(np.float64) - floor
        if not self._gains[self.others].any():
            self._gains[self.others] = 1.0
        self._gains[self.others] = _lowered_alike(self._gains[self.others])
        self._mass = np.ones(len(order))  # share of its table's columns, by score, that is kept with each unit
        self._shares: dict[int, tuple[NDArray[np.int64], float]] = {}  # of each column, and the rows of its table
        for table in prices.tables:
            self._mass[table.rows] = 0.0
            gains = self._gains[table.columns]
            shares = gains / gains.sum() if gains.any() else np.full(len(gains), 1 / len(gains))
            self._shares.update(
                {int(column): (table.rows, float(share)) for column, share in zip(table.columns, shares, strict=True)}
            )

    def columns(self) -> tuple[list[int], NDArray[np.int64]] | None:
        """Units of the columns that are best kept, and the prices of all units then, int64 (n_units,); None where there
        is no room for a row with any of them."""
        best, most = None, (False, 0, False, 0.0)
        chosen: list[int] = []
        steps = self._steps()
        for step, prices in zip(steps, self._prices.growing(steps), strict=True):
            chosen = [*chosen, *step]
            for rows, share in (self._shares[column] for column in step):
                self._mass[rows] += share
            found = self._kept(chosen, prices)
            if found is not None and (best is None or found >= most):
                best, most = (chosen, prices), found
        return best

    def _steps(self) -> list[list[int]]:
        """The keys, then the best of the other columns, one more at a time; more at a time where there are many."""
        keys = {*self._keys}
        more = [index for index in self.ranked_columns if index not in keys]
        sizes = (np.unique(np.geomspace(1, len(more) + 1, _TRIED).astype(int)) - 1).tolist()
        return [self._keys, *(more[first:last] for first, last in pairwise(sizes))]

    def _kept(self, columns: list[int], prices: NDArray[np.int64]) -> tuple[bool, int, bool, float] | None:
        """What of the demand fits beside these columns: some row, how many of the columns, all rows where some are of
        little use; and how much is gained. None if no row fits."""
        new = [index for index in columns if not self._chooser.kept[index]]
        room = (self._chooser.room.limit or 0) - self._chooser.spent - int(prices[new].sum())
        order = self.others[prices[self.others] <= room]
        if room < 0 or (not len(order) and len(self.others)):
            return None
        demanded = self.demanded
        some_fit = bool(demanded) and int(prices[demanded].min()) <= room
        all_fit = some_fit and self._all_or_none and int(prices[demanded].sum()) <= room
        shown = len({*self._wanted_columns}.intersection(columns))
        fitting = int(np.searchsorted(np.cumsum(prices[order]), room, side="right"))
        best = order[:fitting]
        return some_fit, shown, all_fit, float(self._gains[best] @ self._mass[best])


def _lowered_alike(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores as probabilities, (n_units,), that add up to no more than a question needs: all odds lowered alike.

    In a long table the many rows that are hardly likely would else outweigh the few that are, at the columns' expense.
    """
    chances = gains / max(1.0, float(gains.max(initial=0.0)))
    if chances.sum() <= _NEEDED:
        return chances
    odds = chances / np.maximum(1 - chances, 1e-9)
    low, high = 0.0, 1.0
    for _ in range(60):
        factor = (low + high) / 2
        shifted = odds * factor / (1 + odds * factor)
        low, high = (low, factor) if shifted.sum() > _NEEDED else (factor, high)
    return shifted


@dataclass(frozen=True)
class TableBudget(CellPolicy):
    """Keeps the columns and rows of tables that keep most of what is needed within `budget` tokens. Never exceeds it.

    What TAPAS-like readers need to see a long table in 512 tokens; see `CellPolicy` for what is tried. A cell costs its
    share, by characters, of its row's tokens; the rendered text is measured. Contexts without tables of this kind get
    what `TokenBudget` gives.

    Attributes:
        budget: Tokens, of the counter in use, that the kept text may take; from 0 up.
        strict: Whether not to keep a part of rows that the question needs all of (for a total, for instance).

    Raises:
        UsageError: A negative budget.
    """

    budget: int = 512
    strict: bool = False
    _tables: ContextMemo[tuple[PricedTable, ...]] = field(
        default_factory=ContextMemo, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        whole = isinstance(self.budget, (int, np.integer)) and not isinstance(self.budget, bool)
        if not whole or self.budget < 0:
            raise UsageError(f"budget is {self.budget!r}", hint="give a whole number from 0 up")

    def prices(self, context: Context[Any], tokens: NDArray[np.int64]) -> tuple[CellPrices, int]:
        """Tokens, in parts; rows' cells by their characters."""
        tables = self._tables.get(context, lambda: _text_tables(context))
        whole = tokens * _PARTS
        for table in tables:  # a column without a name takes a separator
            whole[table.columns] = np.maximum(whole[table.columns], _PARTS)
        return CellPrices(whole, tables), int(self.budget) * _PARTS

    def tightened(self, by: int) -> TableBudget:
        """The same policy with `by` tokens less; never under 0."""
        tighter = replace(self, budget=max(self.budget - by, 0))
        object.__setattr__(tighter, "_tables", self._tables)  # what was found out about the context
        return tighter


def _text_tables(context: Context[Any]) -> tuple[PricedTable, ...]:
    return tuple(text_shares(grid) for grid in grids_of(context) if grid.column_units)


@dataclass(frozen=True)
class CellShare(CellPolicy):
    """Keeps at most `share` of the cells of tables; a unit outside of them counts as a cell, headers do not count.

    See `CellPolicy` for which.

    Attributes:
        share: Of cells, from 0 to 1.

    Raises:
        UsageError: A share out of range.
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        if not is_number(self.share) or not 0 <= self.share <= 1:
            raise UsageError(f"share is {self.share!r}", hint="give a number from 0 to 1")

    def prices(self, context: Context[Any], tokens: NDArray[np.int64]) -> tuple[CellPrices, int]:
        """One a cell; nothing for columns and for what is pinned outside of tables."""
        del tokens
        prices = np.asarray([int(not unit.pinned) for unit in context.units], dtype=np.int64)
        tables = []
        for grid in grids_of(context):
            if not grid.column_units:
                continue
            units, rows = np.unique(np.asarray(grid.row_units, dtype=np.int64), return_counts=True)
            width = len(grid.column_units)
            prices[list(grid.column_units)] = 0
            prices[units] = rows * width
            shares = np.broadcast_to(np.float32(1 / width), (len(units), width))
            tables.append(PricedTable(np.asarray(grid.column_units, dtype=np.int64), units, shares))
        return CellPrices(prices, tuple(tables)), int(self.share * prices.sum() + 1e-9)
