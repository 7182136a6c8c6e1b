"""Diagonal Fisher information of unit gates.

Kwon and others, A Fast Post-Training Pruning Framework for Transformers, NeurIPS 2022: with gates m = 1, taking out a
set of units raises the loss by about half the sum of F_u = E[(dL/dm_u)^2] over the set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.shrink.measure.gradients import gate_gradients
from ctxprune.shrink.score.base import require_gradient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Fisher"]


@dataclass(frozen=True)
class Fisher:
    """Mean over rows of the squared slope of the loss by the unit's gate: comparable over all groups."""

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; one forward and backward pass, labels (a decoder's are its tokens).

        Raises:
            InputError: The loss has no gradient.
        """
        slopes = gate_gradients(subject, groups)
        return require_gradient({key: slope.double().square().mean(0) for key, slope in slopes.items()})
