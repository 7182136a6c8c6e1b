"""Shortened LLaMA's second score: what a first-order expansion says that a layer's weights do to the loss.

Kim and others, Shortened LLaMA: A Simple Depth Pruning for Large Language Models (2024): the sum over a block's weights
of |w dL/dw|; the first four and the last two of 32 blocks are kept ("Taylor+").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.depth import depth_group
from ctxprune.shrink.measure.gradients import mean_gradients
from ctxprune.shrink.model.cost import matrices
from ctxprune.shrink.model.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["LayerTaylor"]


@dataclass(frozen=True)
class LayerTaylor:
    """Sum over the matrices of a layer or sublayer of |weight times gradient of the mean loss|.

    Attributes:
        first, last: Shares of the units, from the bottom and from the top, that go only if all others are gone.
        samples: Most rows of calibration that are read; 0 = all.
    """

    first: float = 0.125
    last: float = 0.0625
    samples: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.first <= 1 or not 0 <= self.last <= 1:
            raise UsageError(f"first is {self.first!r} and last {self.last!r}", hint="give shares from 0 to 1")

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; infinite for protected units.

        Raises:
            InputError: The loss has no gradient.
        """
        group = depth_group(groups)
        weights = _by_weight(subject, self.samples)
        anatomy = subject.anatomy
        if group.kind == "layer":
            owned = [[path for path in weights if path.startswith(f"{layer.path}.")] for layer in anatomy.layers]
        else:
            owned = [
                sorted(
                    {part.parameter for key in sublayer.groups for part in anatomy.groups[key].slices} & set(weights)
                )
                for sublayer in anatomy.sublayers
            ]
        scores = torch.tensor([sum(weights[path] for path in paths) for paths in owned], dtype=torch.float64)
        # never chosen while others are left: the paper keeps both ends
        scores[: round(self.first * group.count)] = torch.inf
        scores[group.count - round(self.last * group.count) :] = torch.inf
        return {group.key: scores}


def _by_weight(subject: Subject, samples: int) -> dict[str, float]:
    """Sum of |w dL/dw| of each matrix."""
    gradients = mean_gradients(subject, matrices(subject.model), samples=samples)
    return {
        name: float((parameter_of(subject.model, name).detach() * gradient).abs().sum())
        for name, gradient in gradients.items()
    }
