"""Keeping the neighbours of a kept sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.policies.base import GreedyPolicy, add_best
from ctxprune.policies.threshold import Threshold
from ctxprune.utils.validation import check_whole

from .base import WrappedPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxprune.context.base import Context
    from ctxprune.policies.base import Policy, Request, Selection
    from ctxprune.policies.selection import Chooser

__all__ = ["Neighbours"]


@dataclass(frozen=True)
class Neighbours(WrappedPolicy):
    """As `policy`, and up to `k` units on each side of a chosen one are kept with it, nearest first, in its document.

    A policy with room (a budget, a number of units) pays for them out of it: each chosen unit is followed by its
    neighbours before the next best one is tried. They have the reason "neighbour".

    Attributes:
        policy: Chooses the units; any of `ctxprune.policies`, or one without a budget.
        k: Units on each side, from 1 up.

    Raises:
        UsageError: k is under 1, or the policy has a budget but does not say how it spends it.

    Examples:
        ```python
        from ctxprune import TopK, prune
        from ctxprune.rag import Neighbours

        text = "Cats sleep. The bridge opened in 1933. The mayor came. Dogs bark."
        kept = prune("When did the bridge open?", text, policy=Neighbours(TopK(3), k=1))
        print(kept.output)  # Cats sleep. The bridge opened in 1933. The mayor came.
        ```
    """

    policy: Policy
    k: int = 1
    word = "neighbours"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("k", self.k)
        if self.budget is not None and not isinstance(self.policy, GreedyPolicy):
            raise UsageError(
                "neighbours cannot be paid from the budget of another wrapper", hint="wrap the neighbours instead"
            )

    def select(self, request: Request) -> Selection:
        """See `ctxprune.policies.Policy.select`."""
        if isinstance(self.policy, GreedyPolicy):
            order, chooser = self.policy.start(request)
            chosen = order[: self.policy.count_worthy(request.scores[order])]
            full = self.policy.full
        else:
            order, chooser = Threshold().start(request)
            kept = self.policy.select(request).kept
            chosen, full = order[kept[order]], "score"
        for index in chosen.tolist():
            if chooser.add(index, "selected", full):
                self._add_neighbours(index, chooser, request.context)
        return chooser.selection()

    def select_fallback(self, request: Request) -> Selection:
        """The best unit with its neighbours, whatever its score."""
        policy = self.policy if isinstance(self.policy, GreedyPolicy) else Threshold()
        order, chooser = policy.start(request)
        if (best := add_best(order, chooser, policy.full)) is not None:
            self._add_neighbours(best, chooser, request.context)
        return chooser.selection()

    def _add_neighbours(self, index: int, chooser: Chooser, context: Context[Any]) -> None:
        for other in self._neighbours(index, context):
            if not chooser.kept[other]:
                # One without room keeps the reason that it had: it was not dropped as a neighbour.
                chooser.add(other, "neighbour", chooser.reasons[other])

    def _neighbours(self, index: int, context: Context[Any]) -> Iterator[int]:
        """The units around `index` in its document, nearest first, the one before it before the one after it."""
        sources = context.sources
        for step in range(1, self.k + 1):
            for other in (index - step, index + step):
                if 0 <= other < len(context.units) and (sources is None or sources[other] == sources[index]):
                    yield other
