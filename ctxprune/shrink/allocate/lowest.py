"""One ranking over all groups, by the scores as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.shrink.allocate.base import drop_lowest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Key
    from ctxprune.shrink.model.budget import Budget
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Lowest"]


@dataclass(frozen=True)
class Lowest:
    """The units of the lowest scores go, whatever group they are of; also for layers and sublayers.

    Attributes:
        least: Units that stay in each group.
        per_cost: Whether a unit's score is divided by its cost first.
        partial: Whether as much as can go is good enough, where a later stage takes the rest.
    """

    least: int = 1
    per_cost: bool = False
    partial: bool = False

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:  # noqa: ARG002
        """bool (count,) by group."""
        if self.per_cost:
            scores = {key: score.double() / budget.costs[key].clamp(min=1e-12) for key, score in scores.items()}
        return drop_lowest(scores, budget, least=self.least, partial=self.partial)
