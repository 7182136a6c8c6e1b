"""A share of the cells of tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.policies.base import POLICIES
from ctxprune.policies.cells import CellPolicy, CellPrices, PricedTable
from ctxprune.utils.validation import check_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context

__all__ = ["CellShare"]

_SLACK = 1e-9  # so that 0.3 of 10 cells is 3, whatever the rounding


@POLICIES.register("cell_share.v1")
@dataclass(frozen=True)
class CellShare(CellPolicy):
    """Keeps at most `share` of the cells of tables; a unit outside of them counts as a cell, headers do not count.

    See `CellPolicy` for which.

    Attributes:
        share: Of cells, from 0 to 1.

    Raises:
        UsageError: A share out of range.

    Examples:
        ```python
        from ctxprune import CellShare, Table, prune

        rows = [["Year", "City", "Remarks"], [1908, "London", "fog"], [1912, "Oslo", "sun"]]
        games = Table(rows)
        kept = prune(
            "Where were the games of 1912?", games, scorer="tabular", policy=CellShare(0.4)
        )
        print(kept.output)  # [['Year', 'City'], [1912, 'Oslo']]
        ```
    """

    share: float = 0.5

    def __post_init__(self) -> None:
        check_range("share", self.share)

    def prices(self, context: Context[Any], tokens: NDArray[np.int64]) -> tuple[CellPrices, int]:
        """One a cell; nothing for columns and for what is pinned outside of tables."""
        del tokens
        prices = np.asarray([int(not unit.pinned) for unit in context.units], dtype=np.int64)
        tables = []
        for grid in context.grids:
            if not grid.column_units:
                continue
            units, rows = np.unique(np.asarray(grid.row_units, dtype=np.int64), return_counts=True)
            width = len(grid.column_units)
            # A column by itself has no cells; they are paid for with the rows that hold them.
            prices[list(grid.column_units)] = 0
            prices[units] = rows * width
            shares = np.broadcast_to(np.float32(1 / width), (len(units), width))
            tables.append(PricedTable(np.asarray(grid.column_units, dtype=np.int64), units, shares))
        return CellPrices(prices, tuple(tables)), int(self.share * prices.sum() + _SLACK)
