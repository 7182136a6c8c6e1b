"""A token budget for tables, of which columns and rows are dropped."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.memo import ContextMemo
from ctxprune.policies.base import POLICIES
from ctxprune.policies.cells import CellPolicy, CellPrices, PricedTable
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.grid import Grid

__all__ = ["TableBudget"]

_PARTS = 1024  # of a token, in which prices are counted, so that rounding adds up to nothing


@POLICIES.register("table_budget.v1")
@dataclass(frozen=True)
class TableBudget(CellPolicy):
    """Keeps the columns and rows of tables that keep most of what is needed within `budget` tokens. Never exceeds it.

    Made for readers such as TAPAS, which see a long table in 512 tokens; see `CellPolicy` for how it chooses. A cell
    costs its share, by characters, of its row's tokens; the rendered text is measured. Contexts without tables of this
    kind get what `TokenBudget` gives.

    Attributes:
        budget: Tokens, of the counter in use, that the kept text may take; from 0 up.
        strict: Whether not to keep a part of rows that the question needs all of (for a total, for instance).
        enough_rows: Columns are dropped only where not all required rows fit with them, or, where
            none is required, neither so many of the best rows nor, by their scores, half of those that are needed; None
            drops columns wherever more needed cells are likely kept then, as it is done on pages, where text competes
            with the rows.

    Raises:
        UsageError: A negative budget; `enough_rows` below 1.

    Examples:
        ```python
        from ctxprune import Table, TableBudget, prune

        rows = [["Year", "City", "Remarks"], [1908, "London", "fog"], [1912, "Oslo", "sun"]]
        games = Table(rows)
        kept = prune(
            "Where were the games of 1912?", games, scorer="tabular", policy=TableBudget(20)
        )
        print(kept.tokens_after <= 20)  # True
        ```
    """

    budget: int = 512
    strict: bool = False
    enough_rows: int | None = 12
    _tables: ContextMemo[tuple[PricedTable, ...]] = field(
        default_factory=ContextMemo, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        check_whole("budget", self.budget, minimum=0)
        if self.enough_rows is not None:
            check_whole("enough_rows", self.enough_rows, minimum=1)

    def prices(self, context: Context[Any], tokens: NDArray[np.int64]) -> tuple[CellPrices, int]:
        """Tokens, in parts; rows' cells by their characters."""
        tables = self._tables.get(context, lambda: _text_tables(context))
        whole = tokens * _PARTS
        for table in tables:  # a column without a name takes a separator
            whole[table.columns] = np.maximum(whole[table.columns], _PARTS)
        return CellPrices(whole, tables), int(self.budget) * _PARTS

    def with_budget(self, tokens: int) -> TableBudget:
        """The same policy with another budget; see `Policy.with_budget`."""
        other = replace(self, budget=max(tokens, 0))
        # A search for the budget that fits asks a dozen times; what cells cost does not depend on it.
        object.__setattr__(other, "_tables", self._tables)
        return other


def _text_tables(context: Context[Any]) -> tuple[PricedTable, ...]:
    return tuple(_text_shares(grid) for grid in context.grids if grid.column_units)


def _text_shares(grid: Grid) -> PricedTable:
    """A table whose cells cost by their characters, and one for what stands between them."""
    units, places = np.unique(np.asarray(grid.row_units, dtype=np.int64), return_inverse=True)
    lengths = np.zeros((len(units), len(grid.header)), dtype=np.float32)
    cells = np.asarray([[len(cell) + 1 for cell in row] for row in grid.rows], dtype=np.float32)
    np.add.at(lengths, places, cells.reshape(len(grid.rows), len(grid.header)))
    # A row without a character has no shares, rather than a division by zero.
    lengths /= np.maximum(lengths.sum(axis=1, keepdims=True), 1)
    return PricedTable(np.asarray(grid.column_units, dtype=np.int64), units, lengths)
