"""The most of the score that fits: heads against neurons under one budget.

Kwon and others, A Fast Post-Training Pruning Framework for Transformers, NeurIPS 2022: both kinds are sorted; for each
number of heads that stay, the rest of the budget is filled with the best neurons; the best of these plans is taken. As
units of one kind cost the same, no other choice can keep more of the score.
"""

from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.base import drop_lowest
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor


@dataclass(frozen=True)
class Knapsack:
    """Exact for units of one or two costs; for more, the lowest scores by cost go.

    Attributes:
        least: Units that stay in each group.
    """

    least: int = 1

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:  # noqa: ARG002
        """bool (count,) by group.

        Raises:
            UsageError: So much cannot go.
        """
        kept = {key: torch.zeros(len(score), dtype=torch.bool) for key, score in scores.items()}
        # units of one kind differ in cost by rounding alone
        costs = sorted({round(float(cost), 6) for key in scores for cost in budget.costs[key].unique()})
        if len(costs) > 2 or budget.at_once is not None:
            dense = {key: score.double() / budget.costs[key].clamp(min=1e-12) for key, score in scores.items()}
            return drop_lowest(dense, budget, least=self.least)
        fixed = 0.0
        classes: list[list[tuple[float, Key, int]]] = [[] for _ in costs]
        for key, score in scores.items():
            order = score.argsort(descending=True, stable=True).tolist()
            for rank, place in enumerate(order):
                cost = float(budget.costs[key][place])
                if rank < self.least:
                    kept[key][place] = True
                    fixed += cost
                else:
                    classes[costs.index(round(cost, 6))].append((-float(score[place]), key, place))
        total = float(sum(float(budget.costs[key].sum()) for key in scores))
        room = total - budget.remove * (1 - 1e-9) - fixed
        if room < -1e-9 * total:
            raise UsageError(
                f"{100 * budget.share:.0f} % of these units' cost cannot go with {self.least} kept in each group",
                hint="raise the target or name more kinds of units",
            )
        ranked = [sorted(entries) for entries in classes]
        for entries, number in zip(ranked, best_counts(ranked, costs, room), strict=True):
            for _, key, place in entries[:number]:
                kept[key][place] = True
        return kept


def best_counts(ranked: list[list[tuple[float, Key, int]]], costs: list[float], room: float) -> list[int]:
    """How many of each class of equal cost fit and score most; classes are sorted, scores have a minus before them."""
    sums = [[0.0, *torch.tensor([-entry[0] for entry in part]).double().cumsum(0).tolist()] for part in ranked]
    if len(ranked) == 1:
        return [_fitting(len(ranked[0]), costs[0], room)]
    best, chosen = -torch.inf, [0, 0]
    # of one class the best are always the highest scores, so that only how many of each is open
    for number in range(_fitting(len(ranked[1]), costs[1], room) + 1):
        others = _fitting(len(ranked[0]), costs[0], room - number * costs[1])
        value = sums[1][number] + sums[0][others]
        if value > best:
            best, chosen = value, [others, number]
    return chosen


def _fitting(count: int, cost: float, room: float) -> int:
    return count if cost <= 0 else max(0, min(count, int(room / cost * (1 + 1e-12))))
