"""Greedy removal by the change of a module's output.

Li and others, Greedy Output Approximation: Towards Efficient Structured Pruning for LLMs Without Retraining, CPAL 2025:
two coupled matrices are a module of depth 2 whose output is a sum over its units; the unit goes next whose removal,
with those already gone, changes the output least in squared norm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.measure.activations import consumers, moments
from ctxprune.shrink.measure.reconstruction import unit_gram
from ctxprune.shrink.model.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["GreedyOutput"]


@dataclass(frozen=True)
class GreedyOutput:
    """The relative squared change of the output once a unit is gone, in greedy order.

    What is gone at one time can cancel in what it adds, which scores of single units cannot see.
    """

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), in a group higher for what goes later; one forward pass, no labels."""
        found = moments(subject, consumers(groups), products=True)
        scores = {}
        for group in groups:
            seen = found[group.consumer]
            weight = parameter_of(subject.model, f"{group.consumer}.weight").detach()
            gram = unit_gram(seen.second, weight, group.block)
            scores[group.key] = greedy_changes(gram) / gram.sum().clamp(min=1e-30)
        return scores


def greedy_changes(gram: Tensor) -> Tensor:
    """Squared norm of the sum of what is gone when each unit has gone, never falling in greedy order: (units,).

    Args:
        gram: Inner products of what the units add: float64 (units, units).
    """
    own, against = gram.diagonal(), torch.zeros(len(gram), dtype=gram.dtype)
    scores, left, gone = torch.zeros_like(against), torch.ones(len(gram), dtype=torch.bool), 0.0
    highest = 0.0
    for place in range(len(gram)):
        step = torch.where(left, own + 2 * against, torch.inf)
        unit = int(step.argmin())
        gone += float(step[unit])
        # cancelling units may lower the sum; a score that falls would break the order
        highest = max(highest, gone) + 1e-12 * float(own.mean()) * (place > 0)
        scores[unit] = highest
        left[unit] = False
        against += gram[unit]
    return scores
