"""Single weights: in gated feed-forward parts, their size times the norm of what their output becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.activations import moments
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.score.wanda import Wanda

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["Dass"]


@dataclass(frozen=True)
class Dass:
    """|W_ij| * ||A_i||^alpha for the matrices that make neuron i, A its activation; Wanda's score for all others.

    Guo and others, Dependency-Aware Semi-Structured Sparsity of GLU Variants in Large Language Models, 2024 (DaSS).
    Neurons that the last matrix hardly reads lose more of their weights, so scores are to be compared over the rows of
    a matrix, not within them. One forward pass, no labels.

    Attributes:
        alpha: Power of the norm (the paper: 0.5).
    """

    alpha: float = 0.5

    def __post_init__(self) -> None:
        if self.alpha <= 0:
            raise UsageError(f"alpha is {self.alpha!r}", hint="give a power above 0")

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """Of the parameter's shape by its name, from 0 up."""
        neurons = subject.anatomy.of_kind("neuron")
        found = moments(subject, [group.consumer for group in neurons])
        makers = {
            part.parameter: found[group.consumer].norms.float() ** self.alpha
            for group in neurons
            for part in group.slices
            if part.axis == 0
        }
        made = {name: parameter_of(subject.model, name).detach().abs() for name in groups if name in makers}
        others = Wanda()(subject, [name for name in groups if name not in makers])
        return {name: made[name] * makers[name][:, None] if name in made else others[name] for name in groups}
