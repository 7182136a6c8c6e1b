"""Dropping sentences that say again, almost word for word, what another one says."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.memo import ContextMemo

from ..dedup.search import Bar
from ..dedup.texts import near_duplicates
from .base import WrappedPolicy, best_of, closed, select_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy, Selection

    from .base import Select

__all__ = ["Distinct"]


@dataclass(frozen=True)
class Distinct(WrappedPolicy):
    """As `policy`, but of units that say nearly the same only one may be chosen, over all documents.

    Of such units the one with the best score stays (a pinned one before all others, ties to the earliest); the others
    are dropped with the reason "duplicate of unit i". Units that others hang from or require are never dropped here.

    Attributes:
        policy: Chooses among what remains.
        similarity: Jaccard similarity of the word sets from which two units say the same; over 0, up to 1.

    Raises:
        UsageError: The similarity is out of range.
    """

    policy: Policy
    similarity: float = 0.9
    word = "distinct"
    _groups: ContextMemo[list[list[int]]] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        Bar(self.similarity)  # checks it

    def tightened(self, by: int) -> Distinct:
        """See `WrappedPolicy.tightened`; what was found out about a context is handed on."""
        tighter = super().tightened(by)
        object.__setattr__(tighter, "_groups", self._groups)
        return tighter

    def select(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """See `ctxprune.policies.base.Policy.select`."""
        return self._within(self.policy.select, scores, context, tokens)

    def select_best(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """The wrapped policy's choice where nothing reaches its cut, without duplicates."""
        return self._within(best_of(self.policy), scores, context, tokens)

    def _within(self, select: Select, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        groups = self._groups.get(context, lambda: _groups(context, self.similarity))
        instead: dict[int, int] = {}
        for group in groups:
            best = min(group, key=lambda index: (not context.units[index].pinned, -scores[index], index))
            instead |= {index: best for index in group if index != best}
        among = np.ones(len(context.units), dtype=np.bool_)
        among[list(instead)] = False
        among = closed(among, context)
        reasons = {index: f"duplicate of unit {best}" for index, best in instead.items() if not among[index]}
        return select_within(select, among, scores, context, tokens, reasons=reasons)


def _groups(context: Context[Any], similarity: float) -> list[list[int]]:
    """Units that say the same, two or more a group."""
    leaders = near_duplicates([unit.text for unit in context.units], similarity=similarity)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index, leader in enumerate(leaders):
        if leader is not None:
            groups[leader].append(index)
    return [[leader, *others] for leader, others in groups.items()]
