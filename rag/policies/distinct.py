"""Dropping near-duplicates: sentences that repeat another one almost word for word."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.memo import ContextMemo

from ..dedup.search import Bar
from ..dedup.texts import near_duplicates
from .base import WrappedPolicy, close_mask, select_within

if TYPE_CHECKING:
    from ctxprune.context.base import Context
    from ctxprune.policies.base import Policy, Request, Selection

    from .base import Select

__all__ = ["Distinct"]


@dataclass(frozen=True)
class Distinct(WrappedPolicy):
    """As `policy`, but of near-duplicates only one may be chosen, over all documents.

    Of them the one with the best score stays (a pinned one before all others, ties to the earliest); the others are
    dropped with the reason "duplicate of unit i". Units that are the parent or a requirement of others are never
    dropped here.

    Attributes:
        policy: Chooses among what remains.
        similarity: Jaccard similarity of the word sets from which two units are near-duplicates; over 0, up to 1.

    Raises:
        UsageError: The similarity is out of range.
    """

    policy: Policy
    similarity: float = 0.9
    word = "distinct"
    _groups: ContextMemo[list[list[int]]] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        Bar(self.similarity)  # raises where it is out of range

    def with_budget(self, tokens: int) -> Distinct:
        """See `WrappedPolicy.with_budget`; the groups of a context do not depend on the budget and are handed on."""
        other = super().with_budget(tokens)
        object.__setattr__(other, "_groups", self._groups)
        return other

    def select(self, request: Request) -> Selection:
        """See `ctxprune.policies.Policy.select`."""
        return self._select_distinct(self.policy.select, request)

    def select_fallback(self, request: Request) -> Selection:
        """The wrapped policy's choice where nothing reaches its cut, without duplicates."""
        return self._select_distinct(self.policy.select_fallback, request)

    def _select_distinct(self, select: Select, request: Request) -> Selection:
        context, scores = request.context, request.scores
        groups = self._groups.get(context, lambda: _group_duplicates(context, self.similarity))
        instead: dict[int, int] = {}
        for group in groups:
            # A pinned copy stays whatever it scores, since it is kept anyway.
            best = min(group, key=lambda index: (not context.units[index].pinned, -scores[index], index))
            instead |= {index: best for index in group if index != best}
        among = np.ones(len(context.units), dtype=np.bool_)
        among[list(instead)] = False
        # What others hang from or require comes back in, so that no unit is dropped for a duplicate's sake.
        among = close_mask(among, context)
        reasons = {index: f"duplicate of unit {best}" for index, best in instead.items() if not among[index]}
        return select_within(select, among, request, reasons=reasons)


def _group_duplicates(context: Context[Any], similarity: float) -> list[list[int]]:
    """Groups of near-duplicates, two or more units each."""
    leaders = near_duplicates([unit.text for unit in context.units], similarity=similarity)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index, leader in enumerate(leaders):
        if leader is not None:
            groups[leader].append(index)
    return [[leader, *others] for leader, others in groups.items()]
