"""One ranking over all groups, by the scores as they are."""

from dataclasses import dataclass, replace

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.base import drop_lowest
from ctxprune.shrink.measure.depth import SUBLAYERS, sublayer_places
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, checked_field


@dataclass(frozen=True)
class Lowest(Checked):
    """The units of the lowest scores go, whatever group they are of; also for layers and sublayers.

    Attributes:
        least: Units that stay in each group; with `only`, sublayers of that kind.
        per_cost: Whether a unit's score is divided by its cost first.
        partial: Whether as much as can go is good enough, where a later stage takes the rest.
        only: Kind of the sublayers that can go: "ffn", "attention", "mixer" or "moe"; as many as fit into the budget,
            one at least, and the rest is for other stages. "" = all units.
    """

    least: int = 1
    per_cost: bool = False
    partial: bool = False
    only: str = checked_field("", check_choice, SUBLAYERS)

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group."""
        if self.per_cost:
            scores = {key: score.double() / budget.costs[key].clamp(min=1e-12) for key, score in scores.items()}
        if not self.only:
            return drop_lowest(scores, budget, least=self.least, partial=self.partial)
        places = sublayer_places(subject.anatomy, budget.groups, self.only)
        if len(places) <= self.least:
            raise UsageError(f"{len(places)} sublayers are of kind {self.only!r}", where="lowest.v1")
        key = ("sublayer", -1)
        costs = budget.costs[key][places]
        fits = max(int((costs.sort().values.cumsum(0) <= budget.remove).sum()), 1)
        part = replace(budget, costs={key: costs}, remove=torch.inf, at_once=min(fits, len(places) - self.least))
        mask = torch.ones(len(scores[key]), dtype=torch.bool)
        mask[places] = drop_lowest({key: scores[key][places]}, part, least=self.least)[key]
        return {key: mask}
