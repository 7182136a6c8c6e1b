"""What a question cannot be answered without: rows that a scorer of tables asks for, whatever their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.grid import grids_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from ctxprune.context import Context, Unit
    from ctxprune.grid import Grid

__all__ = ["Demanded", "RowDemand", "demanded_units", "with_demand"]


@runtime_checkable
class RowDemand(Protocol):
    """A scorer that knows which rows of a table a question needs together: all for a total, the last for the latest."""

    def row_demand(self, query: str, grid: Grid) -> NDArray[np.bool_] | None:
        """bool (n_rows,); None, or nothing True, where no row is needed for sure."""
        ...


class Demanded:
    """`context`, of which the units `demanded`, bool (n_units,), are wanted all together before any other.

    Policies with room keep them if they all fit, with the reason "demanded"; if they do not, units go by their scores,
    and those that are dropped have this reason. Everything else about the context is as it was.
    """

    def __init__(self, context: Context[Any], demanded: NDArray[np.bool_]) -> None:
        self.context, self.demanded = context, demanded

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)

    @property
    def units(self) -> Sequence[Unit]:
        """Those of the context."""
        return self.context.units

    def render(self, kept: Collection[int]) -> Any:
        """What the context renders."""
        return self.context.render(kept)


def with_demand(scorer: Any, query: str, context: Context[Any]) -> Context[Any]:
    """`context`, if it is a table, as `Demanded` where the scorer demands rows of it.

    Tables within other kinds of context are not asked for: which of them a question is about is not known.

    Raises:
        UsageError: The scorer gave something else than bool (n_rows,) or None.
    """
    if not isinstance(scorer, RowDemand) or getattr(context, "kind", "") != "table":
        return context
    demanded = np.zeros(len(context.units), dtype=np.bool_)
    demanded[demanded_units(context)] = True
    for grid in grids_of(context):
        rows = scorer.row_demand(query, grid)
        if rows is None:
            continue
        if rows.shape != (len(grid.rows),) or rows.dtype != np.bool_:
            raise UsageError(f"the row demand is {rows.dtype} of shape {rows.shape}", where=type(scorer).__name__)
        demanded[[grid.row_units[row] for row in np.flatnonzero(rows)]] = True
    return Demanded(context, demanded) if demanded.any() else context


def demanded_units(context: Context[Any]) -> list[int]:
    """Indices of the units that are demanded, rising."""
    demanded = getattr(context, "demanded", None)
    return [] if demanded is None else [int(index) for index in np.flatnonzero(demanded)]
