"""A fixed number of units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.grid import column_units
from ctxprune.policies.base import POLICIES, GreedyPolicy, Request
from ctxprune.policies.selection import Room, Selection
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["TopK"]


@POLICIES.register("top_k.v1")
@dataclass(frozen=True)
class TopK(GreedyPolicy):
    """Keeps at most `k` units, the best ones; parents, requirements and pins count among them.

    Of units that say the same, up to case and white space, one is kept: the best, of equally good ones the first. Rows
    of tables and texts of a single word are no copies. Copies that are pinned, or needed by another unit, stay.

    Where columns of a table are units, all of them are kept and none is counted: the k are rows.

    Raises:
        UsageError: `k` is under 1.

    Examples:
        ```python
        from ctxprune import TopK, prune

        text = "The bridge is long. It opened in 1933. Cats sleep."
        print(prune("When did the bridge open?", text, policy=TopK(1)).output)
        # It opened in 1933.
        ```
    """

    k: int = 5
    full = "rank"

    def __post_init__(self) -> None:
        check_whole("k", self.k)

    def count_worthy(self, ranked: Scores) -> int:
        """All: the room for k units does the cutting."""
        return len(ranked)

    def split(self, order: NDArray[np.int64], request: Request) -> list[tuple[NDArray[np.int64], int]]:
        """Columns of tables before all else, without copies."""
        copies = _find_copies(order, request)
        order = order[~np.isin(order, np.fromiter(copies, dtype=np.int64, count=len(copies)))]
        is_column = np.isin(order, column_units(request.context.grids))
        return [(part, len(part)) for part in (order[is_column], order[~is_column])]

    def select(self, request: Request) -> Selection:
        """See `Policy.select`."""
        selection = super().select(request)
        copies = _find_copies(np.argsort(-request.scores, kind="stable"), request)
        reasons = list(selection.reasons)
        for index, best in copies.items():
            if not selection.kept[index]:
                reasons[index] = f"duplicate of unit {best}"
        return replace(selection, reasons=tuple(reasons))

    def room(self, tokens: NDArray[np.int64]) -> Room:
        """k units of price 1."""
        # As a room of k units at price 1 parents and requirements are counted like all else.
        return Room(np.ones_like(tokens), self.k, "units")

    def free_units(self, context: Context[Any]) -> list[int]:
        """The columns."""
        return column_units(context.grids)


def _find_copies(order: NDArray[np.int64], request: Request) -> dict[int, int]:
    """By unit that says what another does, which comes before it in `order` or is pinned, that other one."""
    units, grids = request.context.units, request.context.grids
    exempt = {unit for grid in grids for unit in (*grid.row_units, *grid.column_units)}
    pinned = [index for index, unit in enumerate(units) if unit.pinned]
    first: dict[str, int] = {}
    copies: dict[int, int] = {}
    for index in (*pinned, *order.tolist()):
        words = units[index].text.split()
        if len(words) < 2 or index in exempt:
            continue
        best = first.setdefault(" ".join(words).casefold(), index)
        if best != index and not units[index].pinned:
            copies[index] = best
    return copies
