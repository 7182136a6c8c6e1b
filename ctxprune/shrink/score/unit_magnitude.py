"""The size of a unit's weights.

Li and others, Pruning Filters for Efficient ConvNets, ICLR 2017: the l1 norm of a filter; here of all that goes with a
unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.score.base import unit_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["UnitMagnitude"]


@dataclass(frozen=True)
class UnitMagnitude:
    """The norm of all of a unit's weights and biases together.

    Attributes:
        norm: 1 or 2.
    """

    norm: int = 1

    def __post_init__(self) -> None:
        if self.norm not in (1, 2):
            raise UsageError(f"norm is {self.norm!r}", hint="1 or 2")

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; no data."""
        scores = {}
        for group in groups:
            parts = [
                unit_parts(parameter_of(subject.model, part.parameter).detach().double(), part, group.count)
                for part in group.slices
            ]
            powers = sum(part.abs().pow(self.norm).sum(1) for part in parts)
            scores[group.key] = powers ** (1 / self.norm)
        return scores
