"""Keeping the sentences beside a kept one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.policies.base import ClosedPolicy, Selection, Threshold

from .base import WrappedPolicy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy

__all__ = ["Neighbours"]


@dataclass(frozen=True)
class Neighbours(WrappedPolicy):
    """As `policy`, and up to `k` units on each side of a chosen one come along, nearest first, in the same document.

    A policy with room (a budget, a number of units) pays for them out of it: each chosen unit is followed by its
    neighbours before the next best one is tried. They have the reason "neighbour".

    Attributes:
        policy: Chooses the units; any of `ctxprune.policies.base`, or one without a budget.
        k: Units on each side, from 1 up.

    Raises:
        UsageError: k is under 1, or the policy has a budget but does not say how it spends it.
    """

    policy: Policy
    k: int = 1
    word = "neighbours"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.k, int) or isinstance(self.k, bool) or self.k < 1:
            raise UsageError(f"k is {self.k!r}", hint="give a whole number from 1 up")
        if self.budget is not None and not isinstance(self.policy, ClosedPolicy):
            raise UsageError(
                "neighbours cannot be paid from the budget of another wrapper", hint="wrap the neighbours instead"
            )

    def select(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """See `ctxprune.policies.base.Policy.select`."""
        if isinstance(self.policy, ClosedPolicy):
            order, chooser = self.policy._chooser(scores, context, tokens)
            chosen: Sequence[int] = [int(index) for index in order[: self.policy.worth(scores[order])]]
            full = self.policy.full
        else:
            order, chooser = Threshold()._chooser(scores, context, tokens)
            kept = self.policy.select(scores, context, tokens).kept
            chosen, full = [int(index) for index in order if kept[index]], "score"
        for index in chosen:
            if chooser.add(index, "selected", full):
                self._surround(index, chooser, context)
        return chooser.selection()

    def select_best(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """The best unit with its neighbours, whatever its score."""
        policy = self.policy if isinstance(self.policy, ClosedPolicy) else Threshold()
        order, chooser = policy._chooser(scores, context, tokens)
        for index in map(int, order):
            if chooser.add(index, "fallback", policy.full):
                self._surround(index, chooser, context)
                break
        return chooser.selection()

    def _surround(self, index: int, chooser: Any, context: Context[Any]) -> None:
        for other in self._around(index, context):
            if not chooser.kept[other]:
                chooser.add(other, "neighbour", chooser.reasons[other])

    def _around(self, index: int, context: Context[Any]) -> Iterator[int]:
        sources = getattr(context, "sources", None)
        for step in range(1, self.k + 1):
            for other in (index - step, index + step):
                if 0 <= other < len(context.units) and (sources is None or sources[other] == sources[index]):
                    yield other
