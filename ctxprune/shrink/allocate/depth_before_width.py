"""Whole layers for what neurons cannot give: the first stage of recipes that narrow what is left evenly."""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.depth import depth_group
from ctxprune.shrink.model.coupled import coupled_costs
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_range, checked_field


@dataclass(frozen=True)
class DepthBeforeWidth(Checked):
    """As few layers go, the lowest scores first, as leave a share of their neurons to the layers that stay.

    What is still over the budget then is for the next stage. One layer stays at least, so that a budget may be out of
    reach; the next stage says so.

    Attributes:
        neurons: Share of each layer's neurons, 0..1, that stays where another layer can go instead.
    """

    neurons: float = checked_field(0.2, check_range)

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) of the layers."""
        group = depth_group(budget.groups)
        order = scores[group.key].argsort(stable=True)
        prices = coupled_costs(subject.model, budget.measure)
        wanted = float(prices.cost({})) - budget.remove * (1 - 1e-9)
        # a gate may be a share: the cost is that of so many neurons, and does not depend on which
        narrow = {part.key: torch.full((part.count,), self.neurons) for part in subject.groups(["neuron"])}
        kept = torch.ones(group.count, dtype=torch.bool)
        for number in order[:-1].tolist():
            if float(prices.cost({group.key: kept} | narrow)) <= wanted:
                break
            kept[number] = False
        return {group.key: kept}
