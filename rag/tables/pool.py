"""The best rows seen so far, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.utils.extras import require

from .frames import take_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .probe import Hits
    from .table_file import Part

pa = require("pyarrow", "tables")

__all__ = ["Pool"]

_SPARE = 4  # times as many rows as wanted are remembered before the worst are forgotten


class Pool:
    """Remembers the rows that hold most of what is looked for, each thing by its weight; the earlier of equal ones.

    Args:
        size: How many rows are wanted.
        order: Which of the orders of `Hits` decides between rows that hold as much; None for none of them.
        alone: Whether the order decides alone.
    """

    def __init__(self, size: int, order: int | None = None, *, alone: bool = False) -> None:
        self._size, self._order, self._alone = size, order, alone
        self._numbers = np.zeros(0, dtype=np.int64)
        self._bits = np.zeros(0, dtype=np.uint64)
        self._values = np.zeros(0)
        self._rows: list[Any] = []

    def add(self, part: Part, first: int, hits: Hits, weights: NDArray[np.float64]) -> None:
        """Look at a part whose first row has the number `first`; `weights` are those of the things looked for."""
        values = np.zeros(len(hits.bits)) if self._order is None else hits.orders[self._order]
        full = len(self._numbers) >= self._size
        among = np.flatnonzero(values > -np.inf if self._order is not None or not full else hits.bits != 0)
        best = among[self._best(hits.bits[among], values[among], weights)]
        if not len(best):
            return
        best.sort()
        self._numbers = np.concatenate([self._numbers, best + first])
        self._bits = np.concatenate([self._bits, hits.bits[best]])
        self._values = np.concatenate([self._values, values[best]])
        self._rows.append(take_rows(part.rows, best))
        if len(self._numbers) > _SPARE * self._size:
            self._forget(weights)

    def __len__(self) -> int:
        return len(self._numbers)

    def rows(self, weights: NDArray[np.float64]) -> tuple[NDArray[np.int64], Any]:
        """Numbers of the best rows, rising, and the rows, as a pyarrow.Table."""
        self._forget(weights)
        return self._numbers, pa.Table.from_batches(self._rows)

    def best(self, size: int, weights: NDArray[np.float64]) -> NDArray[np.int64]:
        """Numbers of so many of the best rows that hold anything or stand in an order, best first."""
        best = self._best(self._bits, self._values, weights)
        if self._order is None:
            best = best[self._bits[best] != 0]
        return self._numbers[best[:size]]

    def _forget(self, weights: NDArray[np.float64]) -> None:
        best = np.sort(self._best(self._bits, self._values, weights))
        self._numbers, self._bits, self._values = self._numbers[best], self._bits[best], self._values[best]
        self._rows = take_rows(pa.Table.from_batches(self._rows), best).combine_chunks().to_batches()

    def _best(
        self, bits: NDArray[np.uint64], values: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Places of the best rows, best first."""
        scores = np.zeros(len(bits))
        found = np.flatnonzero(bits)
        for number, weight in enumerate(() if self._alone else weights):
            scores[found] += weight * (bits[found] >> np.uint64(number) & np.uint64(1))
        places = _top(scores, values, self._size)
        return places[np.lexsort((-values[places], -scores[places]))]


def _top(scores: NDArray[np.float64], values: NDArray[np.float64], size: int) -> NDArray[np.int64]:
    """Rising places of so many of the highest scores, of equal ones those with the highest values, then the first."""
    if len(scores) <= size:
        return np.arange(len(scores))
    least = np.partition(scores, -size)[-size]
    above, equal = np.flatnonzero(scores > least), np.flatnonzero(scores == least)
    if len(above) + len(equal) > size:
        wanted = size - len(above)
        last = np.partition(values[equal], -wanted)[-wanted]
        more = equal[values[equal] > last]
        equal = np.concatenate([more, equal[values[equal] == last][: wanted - len(more)]])
    return np.sort(np.concatenate([above, equal]))
