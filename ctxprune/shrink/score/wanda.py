"""Single weights: their size times their input's norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.shrink.measure.activations import weight_moments
from ctxprune.shrink.model.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["Wanda"]


@dataclass(frozen=True)
class Wanda:
    """|W_ij| * ||X_j||, the norm over all calibration tokens; one forward pass, no labels.

    Sun and others, A Simple and Effective Pruning Approach for Large Language Models, ICLR 2024. Norms are taken in the
    unpruned model, not layer after layer with pruned layers before; padding is left out.
    """

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """Of the parameter's shape by its name, from 0 up."""
        found = weight_moments(subject, groups)
        return {name: parameter_of(subject.model, name).detach().abs() * found[name].norms.float() for name in groups}
