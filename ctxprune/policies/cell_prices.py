"""What the units of a context with tables cost, which for rows depends on the columns that are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.grid import Grid

__all__ = ["CellPrices", "PricedTable", "text_shares"]


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


def text_shares(grid: Grid) -> PricedTable:
    """A table whose cells cost by their characters, and one for what stands between them."""
    units, places = np.unique(np.asarray(grid.row_units, dtype=np.int64), return_inverse=True)
    lengths = np.zeros((len(units), len(grid.header)), dtype=np.float32)
    cells = np.asarray([[len(cell) + 1 for cell in row] for row in grid.rows], dtype=np.float32)
    np.add.at(lengths, places, cells.reshape(len(grid.rows), len(grid.header)))
    lengths /= np.maximum(lengths.sum(axis=1, keepdims=True), 1)
    return PricedTable(np.asarray(grid.column_units, dtype=np.int64), units, lengths)
