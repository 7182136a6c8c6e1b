"""One ranking over kinds of units that contain one another, paid for together (CoFi)."""

from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.model.coupled import coupled_costs
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor


@dataclass(frozen=True)
class Nested:
    """The units of the lowest scores go, of whatever kind: as few as bring the coupled cost down to the budget.

    Attributes:
        least: Units that stay in each group of a layer; of layers, of sublayers and of the width one stays.
    """

    least: int = 1

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group.

        Raises:
            UsageError: So much cannot go.
        """
        prices = coupled_costs(subject.model, budget.measure)
        wanted = float(prices.cost({})) - budget.remove * (1 - 1e-9)
        # the width is one group and may go down to a single dimension
        free = {key: max(len(score) - (self.least if key[1] >= 0 else 1), 0) for key, score in scores.items()}
        order = sorted(
            (float(score[place]), key, place)
            for key, score in scores.items()
            for place in score.argsort(stable=True)[: free[key]].tolist()
        )

        def without(number: int) -> dict[Key, Tensor]:
            kept = {key: torch.ones(len(score), dtype=torch.bool) for key, score in scores.items()}
            for _, key, place in order[:number]:
                kept[key][place] = False
            return kept

        # the cost falls with each unit that goes, so that halving finds the first choice that is cheap enough
        low, high = 0, len(order)
        if float(prices.cost(without(high))) > wanted:
            raise UsageError(
                f"these units cannot make the model cheaper by {budget.remove:.4g} {budget.measure}",
                hint="raise the target or name more kinds of units",
            )
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if float(prices.cost(without(middle))) <= wanted else (middle + 1, high)
        return without(high)
