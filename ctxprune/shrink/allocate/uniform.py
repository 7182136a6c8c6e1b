"""The same share of every group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.allocate.base import drop_lowest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Key
    from ctxprune.shrink.model.budget import Budget
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Uniform"]


@dataclass(frozen=True)
class Uniform:
    """Of each group the lowest-scored units, as large a share in one as in another (units are not split)."""

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:  # noqa: ARG002
        """bool (count,) by group."""
        places = {
            key: score.argsort(stable=True).argsort().double() / max(len(score), 1) for key, score in scores.items()
        }
        return drop_lowest({key: place + 1e-9 * torch.arange(len(place)) for key, place in places.items()}, budget)
