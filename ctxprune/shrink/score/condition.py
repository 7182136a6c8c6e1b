"""A unit's share in the condition of the product of activations and weights.

After Xu and others, Lightweight and Post-Training Structured Pruning for On-Device Large Language Models (COMP), 2025:
a neuron matters by how far the output of its dense layer can move, relative to its size, when the neuron goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.shrink.measure.activations import consumers, moments
from ctxprune.shrink.measure.reconstruction import unit_gram
from ctxprune.shrink.model.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Condition"]


@dataclass(frozen=True)
class Condition:
    """||X_u W_u|| over ||X W||: sizes (Frobenius) of what a unit adds to the output and of the whole output.

    The sum over units is the condition number of the sum: 1 where nothing cancels, more where units cancel.
    """

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up, comparable over groups; one forward pass, no labels."""
        found = moments(subject, consumers(groups), products=True)
        scores = {}
        for group in groups:
            weight = parameter_of(subject.model, f"{group.consumer}.weight").detach()
            gram = unit_gram(found[group.consumer].second, weight, group.block)
            whole = gram.sum().clamp(min=1e-30)
            scores[group.key] = (gram.diagonal().clamp(min=0) / whole).sqrt()
        return scores
