"""Adapt-Pruner's allocation: layers that change their input little lose more.

Pan and others, Adapt-Pruner: Adaptive Structural Pruning for Efficient Small Language Model Training, 2025: with
I_l = 1 - cos(x_l, x_{l+1}), centred and scaled to -1..1, layer l loses the share S - a I_l of its units.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.base import drop_lowest, relative_ranks
from ctxprune.shrink.measure.activations import layer_states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Key
    from ctxprune.shrink.model.budget import Budget
    from ctxprune.shrink.model.subject import Subject

__all__ = ["ByChange", "layer_changes"]


@dataclass(frozen=True)
class ByChange:
    """Units go by their place in their group's order, shifted by how much the layer changes its input.

    Attributes:
        amplitude: a, in shares of a group, from 0 (uniform) up.
        least: Units that stay in each group.
    """

    amplitude: float = 0.03
    least: int = 1

    def __post_init__(self) -> None:
        if self.amplitude < 0:
            raise UsageError(f"amplitude is {self.amplitude!r}", hint="from 0 up")

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group; unlabelled data."""
        changes = layer_changes(subject)
        centred = changes - changes.mean()
        normed = centred / centred.abs().max().clamp(min=1e-12)
        places = {
            key: relative_ranks(score) + (self.amplitude * float(normed[key[1]]) if key[1] >= 0 else 0.0)
            for key, score in scores.items()
        }
        return drop_lowest(places, budget, least=self.least)


def layer_changes(subject: Subject) -> Tensor:
    """1 less the mean cosine of each layer's input and output over real tokens: float64 (layers,), 0..2."""
    total, count = torch.zeros(len(subject.anatomy.layers), dtype=torch.float64), 0
    for batch in subject.needed_calibration():
        states = layer_states(subject, batch)
        total += torch.stack([functional.cosine_similarity(x, y, dim=-1).double().sum() for x, y in pairwise(states)])
        count += len(states[0])
    return 1 - total / count
