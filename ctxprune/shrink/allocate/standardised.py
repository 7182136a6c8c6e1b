"""One ranking over all groups, after the scores of each have been standardised (FLAP)."""

from dataclasses import dataclass

from ctxprune.shrink.allocate.base import drop_lowest
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor


@dataclass(frozen=True)
class Standardised:
    """Each group's scores less their mean, over their standard deviation; the lowest go, whatever group they are of."""

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:  # noqa: ARG002
        """bool (count,) by group."""
        normed = {
            key: (score.double() - score.double().mean()) / score.double().std(correction=0).clamp(min=1e-12)
            for key, score in scores.items()
        }
        return drop_lowest(normed, budget)
