"""SEAP's schedule: later layers lose more, along a logistic curve.

Liang and others, SEAP: Training-free Sparse Expert Activation Pruning, 2025: the share that layer l of L loses is
c / (1 + exp(-k (l / (L - 1) - x))), c by the budget; the first and last layers are spared.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.base import drop_lowest, relative_ranks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Key
    from ctxprune.shrink.model.budget import Budget
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Logistic"]


@dataclass(frozen=True)
class Logistic:
    """Each group's units by their own order, a layer's share following the curve.

    Attributes:
        steepness: k.
        middle: x.
        first, last: Layers that are spared at each end, where enough others are left.
        least: Units that stay in each group.
    """

    steepness: float = 1.2
    middle: float = 0.3
    first: int = 0
    last: int = 0
    least: int = 1

    def __post_init__(self) -> None:
        if self.steepness < 0 or min(self.first, self.last, self.least) < 0:
            raise UsageError(f"{self} is out of range", hint="all from 0 up")

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group."""
        layers = len(subject.anatomy.layers)
        free = range(self.first, layers - self.last) if layers > self.first + self.last else range(layers)
        places = {}
        for key, score in scores.items():
            along = (key[1] - free.start) / max(len(free) - 1, 1)
            curve = 1 / (1 + math.exp(-self.steepness * (along - self.middle)))
            rank = relative_ranks(score)
            places[key] = rank / curve if key[1] in free else rank + 1e6
        return drop_lowest(places, budget, least=self.least)
