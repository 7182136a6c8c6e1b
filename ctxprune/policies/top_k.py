"""A fixed number of units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.grid import column_units
from ctxprune.policies.base import POLICIES, GreedyPolicy, Request
from ctxprune.policies.selection import Room
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

    Where columns of a table are units, all of them are kept and none is counted: the k are rows.

    Raises:
        UsageError: `k` is under 1.
    """

    k: int = 5
    full = "rank"

    def __post_init__(self) -> None:
        check_whole("k", self.k)

    def count_worthy(self, ranked: Scores) -> int:
        """All: the room for k units does the cutting."""
        return len(ranked)

    def split(self, order: NDArray[np.int64], request: Request) -> list[tuple[NDArray[np.int64], int]]:
        """Columns of tables before all else."""
        is_column = np.isin(order, column_units(request.context.grids))
        return [(part, len(part)) for part in (order[is_column], order[~is_column])]

    def room(self, tokens: NDArray[np.int64]) -> Room:
        """k units of price 1."""
        # As a room of k units at price 1 parents and requirements are counted like all else.
        return Room(np.ones_like(tokens), self.k, "units")

    def free_units(self, context: Context[Any]) -> list[int]:
        """The columns."""
        return column_units(context.grids)
