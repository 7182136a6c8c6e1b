"""Single weights: the same share of every matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.shrink.allocate.base import divide_removals, keep_highest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ctxprune.shrink.model.budget import Budget
    from ctxprune.shrink.model.subject import Subject

__all__ = ["PerMatrix"]


@dataclass(frozen=True)
class PerMatrix:
    """Of each matrix the weights of the lowest scores go, as large a share of one as of another."""

    def __call__(self, subject: Subject, scores: Mapping[str, Tensor], budget: Budget) -> dict[str, Tensor]:  # noqa: ARG002
        """bool of the parameter's shape by its name, True = stays."""
        counts = divide_removals([score.numel() for score in scores.values()], budget.remove)
        return {
            name: keep_highest(score.reshape(1, -1), [count]).view(score.shape)
            for (name, score), count in zip(scores.items(), counts, strict=True)
        }
