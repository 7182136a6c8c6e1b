"""Policies for tables: columns and rows are chosen together, since a cell is kept if both of its own are.

A row costs what its cells in the kept columns cost, so each column that goes makes room for rows. Of all numbers of
best columns the one is taken that keeps most: the share of the columns' scores, times the sum of the scores of the best
rows that there is room for. Where scores are probabilities that a row, and a column, is needed, and the two are
independent, that is the expected number of needed cells.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ctxprune.context.closure import Closure
from ctxprune.errors import BudgetError
from ctxprune.policies.base import GreedyPolicy, check_numbers
from ctxprune.policies.selection import Chooser, Request, Room, Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["CellPolicy", "CellPrices", "PricedTable"]

_TRIED = 128  # numbers of columns that are compared; of a wider table some are left out
_LIKELY = 0.5  # of the rows, by probability: where so many fit whole, further rows are worth less than columns
_NEEDED = 6.0  # rows, in sum of their probabilities; fewer are too few for some tables of a page


@dataclass(frozen=True)
class PricedTable:
    """One table whose columns are units.

    Attributes:
        columns: Units of the columns, int (n_columns,).
        rows: Units of the rows, each once, int (n_row_units,).
        shares: Of each column in the price of each row, float (n_row_units, n_columns); they add up to 1.
    """

    columns: NDArray[np.int64]
    rows: NDArray[np.int64]
    shares: NDArray[np.float32]


@dataclass(frozen=True)
class CellPrices:
    """Prices of all units; `whole`, int64 (n_units,), are those with all columns kept."""

    whole: NDArray[np.int64]
    tables: tuple[PricedTable, ...]

    def growing(self, steps: Iterable[Sequence[int]]) -> Iterator[NDArray[np.int64]]:
        """Prices, int64 (n_units,), where of the columns only those of the first step are kept, then also those of the
        second, and so on."""
        cells = [np.zeros(len(table.rows)) for table in self.tables]
        places = {
            column: (number, place)
            for number, table in enumerate(self.tables)
            for place, column in enumerate(table.columns.tolist())
        }
        prices = self.whole.copy()
        for table in self.tables:
            prices[table.rows] = 0
        for step in steps:
            for number, place in (places[column] for column in step):
                cells[number] += self.tables[number].shares[:, place]
            for number in {places[column][0] for column in step}:
                rows = self.tables[number].rows
                prices[rows] = np.rint(self.whole[rows] * cells[number])
            yield prices.copy()

    def of_columns(self, kept: NDArray[np.bool_]) -> NDArray[np.int64]:
        """int64 (n_units,): what one more column costs beside the units `kept`, (n_units,), which is its own price and
        its cells in their rows; the whole price of units that are no columns."""
        prices = self.whole.copy()
        for table in self.tables:
            rows = kept[table.rows]
            prices[table.columns] += np.rint(self.whole[table.rows[rows]] @ table.shares[rows]).astype(np.int64)
        return prices


class CellPolicy(GreedyPolicy):
    """Base that chooses columns and rows together; a subclass says what cells cost and how much may be spent.

    Units outside of tables whose columns are units compete with the rows. Required units (`Request.required`) come
    first: as many of the required columns as leave room for a required row, then the required rows; where all rows are
    required, other columns make room for all of them if they can.
    """

    full = "budget"  # why a unit is dropped that found no room
    strict = False
    enough_rows: int | None = None  # rows that must find room before a column stays for completeness; None never

    @abstractmethod
    def prices(self, context: Context[Any], tokens: NDArray[np.int64]) -> tuple[CellPrices, int]:
        """What the units cost, and the limit."""

    def count_worthy(self, ranked: Scores) -> int:
        """All: the room does the cutting."""
        return len(ranked)

    def select(self, request: Request) -> Selection:
        """See `Policy.select`. Only what is pinned, where there is no room for a single row with its keys.

        Raises:
            BudgetError: As `Policy.select`; also where `strict` and not all rows fit that the question needs.
        """
        scores, tokens = check_numbers(request, self.class_name)
        prices, limit = self.prices(request.context, tokens)
        chooser = Chooser(Closure(request.context.units), Room(prices.whole, limit, "what there is room for"))
        search = _ColumnSearch(prices, scores, request, chooser, self)
        best = search.best_columns()
        if best is None:
            chooser.reasons = [self.full if reason == "score" else reason for reason in chooser.reasons]
            return chooser.selection()
        # First the columns at the price that rows have beside them, then the rows; what is left goes to more columns,
        # each at the price of its cells in the rows that are kept by then.
        chooser.room = Room(best[1], limit, "")
        for index in best[0]:
            chooser.add(index, "selected", self.full)
        together = chooser.add_together(search.required, "demanded")
        if not together and self.strict:
            raise BudgetError(
                f"the {len(search.required)} rows that the question needs together do not fit",
                where=self.class_name,
                hint="raise the budget, or let strict be False to keep the best of them",
            )
        chooser.add_ranked(np.asarray(search.required, dtype=np.int64), "selected", self.full)
        if together or not chooser.kept[search.required].any():  # else no others where required ones had no room
            chooser.add_ranked(search.others, "selected", self.full)
        chooser.room = Room(prices.of_columns(chooser.kept), limit, "")
        for index in search.ranked_columns:
            if not chooser.kept[index]:
                chooser.add(index, "selected", self.full)
        return chooser.selection()

    def select_fallback(self, request: Request) -> Selection:
        """What `select` gives: it leaves nothing out that there is room for."""
        return self.select(request)


class _Rating(NamedTuple):
    """How good a choice of columns is; what comes first decides.

    Attributes:
        some_fit: Whether some required row fits beside them.
        shown: How many required columns are among them.
        all_fit: Whether all required rows fit, where a part is of little use.
        tells: Whether other columns than the keys are among them, where whole rows count.
        complete: Whether enough rows fit for the number of columns to count.
        value: That number, or the gain in score.
    """

    some_fit: bool = False
    shown: int = 0
    all_fit: bool = False
    tells: bool = False
    complete: bool = False
    value: float = 0.0


class _ColumnSearch:
    """Finds the columns to keep.

    Attributes:
        ranked_columns: All units that are columns, best first.
        others: All other units that are not kept yet, the required ones first, then best first.
        required: Those of them that the question needs together.
    """

    def __init__(
        self, prices: CellPrices, scores: Scores, request: Request, chooser: Chooser, policy: CellPolicy
    ) -> None:
        self._prices, self._chooser = prices, chooser
        order = np.argsort(-scores, kind="stable")
        columns = np.concatenate([[], *(table.columns for table in prices.tables)]).astype(np.int64)
        is_column = np.zeros(len(order), dtype=np.bool_)
        is_column[columns] = True
        wanted = np.zeros(len(order), dtype=np.bool_)
        wanted[request.required_units] = True
        order = order[np.argsort(~wanted[order], kind="stable")]
        self.ranked_columns: list[int] = order[is_column[order]].tolist()
        self.others = order[~is_column[order] & ~chooser.kept[order]]
        # On a page other tables and text compete: there the cells that are likely needed count, and no whole rows.
        self._enough = policy.enough_rows if request.context.kind == "table" else None
        self.required: list[int] = self.others[wanted[self.others]].tolist()
        self._all_or_none = policy.strict or len(self.required) == len(
            self.others
        )  # a part of a total is of little use
        self._wanted_columns = [index for index in self.ranked_columns if wanted[index]]
        needed = (link for table in prices.tables for row in table.rows for link in request.context.units[row].requires)
        self._keys = sorted({link for link in needed if is_column[link]} | {*np.flatnonzero(chooser.kept & is_column)})
        # Shifted to 0 where scores may be negative: shares of a sum need gains from 0 up.
        floor = min(0.0, float(scores.min(initial=0)))
        self._gains = scores.astype(np.float64) - floor
        if not self._gains[self.others].any():  # no score tells the rows apart: as many as possible are kept
            self._gains[self.others] = 1.0
        self._gains[self.others] = _lower_odds(self._gains[self.others])
        self._mass = np.ones(len(order))  # share of its table's columns, by score, that is kept with each unit
        self._shares: dict[int, tuple[NDArray[np.int64], float]] = {}  # of each column, and the rows of its table
        for table in prices.tables:
            # A row of a table is worth what its kept columns are worth; rows outside of tables keep a mass of 1.
            self._mass[table.rows] = 0.0
            gains = self._gains[table.columns]
            shares = gains / gains.sum() if gains.any() else np.full(len(gains), 1 / len(gains))
            self._shares.update(
                {int(column): (table.rows, float(share)) for column, share in zip(table.columns, shares, strict=True)}
            )

    def best_columns(self) -> tuple[list[int], NDArray[np.int64]] | None:
        """Units of the columns that are best kept, and the prices of all units then, int64 (n_units,); None where there
        is no room for a row with any of them."""
        best, most = None, _Rating()
        chosen: list[int] = []
        steps = self._steps()
        # Columns are only ever added, best first, so that each step updates the prices of the one before it.
        for step, prices in zip(steps, self._prices.growing(steps), strict=True):
            chosen = [*chosen, *step]
            for rows, share in (self._shares[column] for column in step):
                self._mass[rows] += share
            found = self._rate(chosen, prices)
            if found is not None and (best is None or found >= most):
                best, most = (chosen, prices), found
        return best

    def _steps(self) -> list[list[int]]:
        """The keys, then the best of the other columns, one more at a time; more at a time where there are many."""
        keys = {*self._keys}
        more = [index for index in self.ranked_columns if index not in keys]
        sizes = (np.unique(np.geomspace(1, len(more) + 1, _TRIED).astype(int)) - 1).tolist()
        return [self._keys, *(more[first:last] for first, last in pairwise(sizes))]

    def _rate(self, columns: list[int], prices: NDArray[np.int64]) -> _Rating | None:
        """How good these columns are; None if no row fits beside them."""
        new = [index for index in columns if not self._chooser.kept[index]]
        room = (self._chooser.room.limit or 0) - self._chooser.spent - int(prices[new].sum())
        order = self.others[prices[self.others] <= room]
        if room < 0 or (not len(order) and len(self.others)):
            return None
        required = self.required
        some_fit = bool(required) and int(prices[required].min()) <= room
        all_fit = some_fit and self._all_or_none and int(prices[required].sum()) <= room
        shown = len({*self._wanted_columns}.intersection(columns))
        # The best rows in order until one has no room: an estimate, since the choice itself passes over such a row.
        fitting = int(np.searchsorted(np.cumsum(prices[order]), room, side="right"))
        # Names alone answer nothing that is asked of single rows.
        tells = self._enough is None or len(columns) > len(self._keys)
        if not self._all_or_none and self._fits_enough(order, fitting, prices, room):
            return _Rating(some_fit, shown, all_fit, tells, True, float(len(columns)))
        best = order[:fitting]
        return _Rating(some_fit, shown, all_fit, tells, False, float(self._gains[best] @ self._mass[best]))

    def _fits_enough(self, order: NDArray[np.int64], fitting: int, prices: NDArray[np.int64], room: int) -> bool:
        """Whether all required rows fit, or, where none is required, `CellPolicy.enough_rows` of the best or
        those that are likely needed."""
        if self._enough is None:
            return False
        if self.required:
            return int(prices[self.required].sum()) <= room
        likely = float(self._gains[order[:fitting]].sum())
        return fitting >= min(self._enough, len(order)) or likely >= _LIKELY * float(self._gains[self.others].sum())


def _lower_odds(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores as probabilities, (n_units,), with a sum of at most `_NEEDED`: all odds are lowered by one factor.

    In a long table the many rows that are hardly likely would else outweigh the few that are, at the columns' expense.
    """
    chances = gains / max(1.0, float(gains.max(initial=0.0)))
    if chances.sum() <= _NEEDED:
        return chances
    odds = chances / np.maximum(1 - chances, 1e-9)
    low, high = 0.0, 1.0
    for _ in range(60):  # halvings: to the last bit of a double
        factor = (low + high) / 2
        shifted = odds * factor / (1 + odds * factor)
        low, high = (low, factor) if shifted.sum() > _NEEDED else (factor, high)
    return shifted
