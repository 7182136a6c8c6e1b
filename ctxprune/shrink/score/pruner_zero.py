"""Single weights: the form that Pruner-Zero's search found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.shrink.measure.gradients import gradient_norms
from ctxprune.shrink.model.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["PrunerZero"]


@dataclass(frozen=True)
class PrunerZero:
    """W_ij^2 * s(||G_ij||), G gradients over samples, s scaling each matrix's norms to 0..1. Needs labels.

    Dong and others, Pruner-Zero: Evolving Symbolic Pruning Metric from Scratch for Large Language Models, ICML 2024.
    For the search itself see `symbolic`.
    """

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """Of the parameter's shape by its name, from 0 up."""
        slopes, _ = gradient_norms(subject, groups)
        scores = {}
        for name, slope in slopes.items():
            low, high = slope.aminmax()
            scaled = (slope - low) / (high - low).clamp(min=1e-30)
            scores[name] = parameter_of(subject.model, name).detach().square() * scaled
        return scores
