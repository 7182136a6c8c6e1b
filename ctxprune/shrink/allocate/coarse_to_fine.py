"""CFSP's coarse step: layers that change their input more keep more.

Wang and others, CFSP: An Efficient Structured Pruning Framework for LLMs with Coarse-to-Fine Activation Information,
COLING 2025: a layer's importance is the mean angle between what enters and what leaves it; the share that it keeps goes
with the sigmoid of its distance from the layers' mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.base import drop_lowest
from ctxprune.shrink.measure.activations import layer_states

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Key
    from ctxprune.shrink.model.budget import Budget
    from ctxprune.shrink.model.subject import Subject

__all__ = ["CoarseToFine"]


@dataclass(frozen=True)
class CoarseToFine:
    """Each group keeps a share of its units that goes with its layer's importance, at most all; the best stay.

    Attributes:
        steepness: Of the sigmoid, for angles in half turns, above 0.
        least: Units that stay in each group.
    """

    steepness: float = 26.0
    least: int = 1

    def __post_init__(self) -> None:
        if self.steepness <= 0 or self.least < 0:
            raise UsageError(f"{self} is out of range", hint="steepness above 0, least from 0 up")

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group; one forward pass, no labels."""
        angles = layer_angles(subject)
        weights = torch.sigmoid(self.steepness * (angles - angles.mean()))
        ranked = {}
        for key, score in scores.items():
            places = score.argsort(descending=True, stable=True).argsort().double()
            # ranks and not scores: layers are compared by their angle alone
            ranked[key] = -(places + 0.5) / (len(score) * weights[key[1]])
        return drop_lowest(ranked, budget, least=self.least)


def layer_angles(subject: Subject) -> Tensor:
    """Mean angle between each layer's input and output over real tokens, in half turns: float64 (layers,), 0..1."""
    total, tokens = torch.zeros(len(subject.anatomy.layers), dtype=torch.float64), 0
    for batch in subject.needed_calibration():
        states = [state.double() for state in layer_states(subject, batch)]
        tokens += len(states[0])
        for place, (entered, left) in enumerate(pairwise(states)):
            cosine = functional.cosine_similarity(entered, left, dim=1).clamp(-1, 1)
            total[place] += (torch.arccos(cosine) / torch.pi).sum()
    return total / tokens
