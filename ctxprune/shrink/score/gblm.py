"""Single weights: their size times the norm of their gradients and of their input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.activations import weight_moments
from ctxprune.shrink.measure.gradients import gradient_norms
from ctxprune.shrink.model.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["Gblm"]


@dataclass(frozen=True)
class Gblm:
    """|W_ij| * (alpha * ||G_ij|| + ||X_j||), norms over samples, G the gradients of each sample's loss.

    Das and others, Beyond Size: How Gradients Shape Pruning Decisions in Large Language Models, 2023 (GBLM-Pruner).
    Both norms are divided by the root of the number of samples. Needs labels or a language model's loss.

    Attributes:
        alpha: Weight of the gradients (the paper: 100).
        activations: Whether the second term is there.
    """

    alpha: float = 100.0
    activations: bool = True

    def __post_init__(self) -> None:
        if self.alpha <= 0:
            raise UsageError(f"alpha is {self.alpha!r}", hint="give a weight above 0")

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """Of the parameter's shape by its name, from 0 up."""
        slopes, rows = gradient_norms(subject, groups)
        norms = {name: self.alpha * slope for name, slope in slopes.items()}
        if self.activations:
            found = weight_moments(subject, groups)
            norms = {name: norm + (found[name].squares / rows).sqrt().float() for name, norm in norms.items()}
        return {name: parameter_of(subject.model, name).detach().abs() * norms[name] for name in groups}
