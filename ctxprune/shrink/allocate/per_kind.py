"""The same share of the cost of every kind, by one ranking over the layers of a kind."""

from dataclasses import dataclass, replace

from ctxprune.shrink.allocate.base import drop_lowest
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor


@dataclass(frozen=True)
class PerKind:
    """For scores that are comparable over layers, but not over kinds of units.

    Attributes:
        least: Units that stay in each group.
    """

    least: int = 1

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:  # noqa: ARG002
        """bool (count,) by group; a kind of large units is chosen first, and the others make up for its rounding.

        They take what it cannot give, too, where so much goes that `least` units of each of its groups are left.
        """
        dearest: dict[str, float] = {}
        for key, cost in budget.costs.items():
            dearest[key[0]] = max(dearest.get(key[0], 0.0), float(cost.max()))
        kinds = sorted({key[0] for key in scores}, key=lambda kind: -dearest[kind])
        kept: dict[Key, Tensor] = {}
        left, total = budget.remove, budget.total
        for kind in kinds:
            part = {key: cost for key, cost in budget.costs.items() if key[0] == kind}
            own = float(sum(float(cost.sum()) for cost in part.values()))
            wanted = max(left * own / total, 0.0) if total else 0.0
            chosen = {key: score for key, score in scores.items() if key[0] == kind}
            own_budget = replace(budget, costs=part, remove=wanted)
            kept |= drop_lowest(chosen, own_budget, least=self.least, partial=kind != kinds[-1])
            left -= budget.gone({key: kept[key] for key in part})
            total -= own
        return kept
