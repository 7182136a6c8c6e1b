"""The same share of every group."""

from dataclasses import dataclass

from ctxprune.shrink.allocate.base import drop_lowest, relative_ranks
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor


@dataclass(frozen=True)
class Uniform:
    """Of each group the lowest-scored units, as large a share in one as in another (units are not split)."""

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:  # noqa: ARG002
        """bool (count,) by group."""
        return drop_lowest({key: relative_ranks(score) for key, score in scores.items()}, budget)
