"""The size of weights: single ones, or all of a unit's."""

from dataclasses import dataclass
from typing import Any

from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.score.base import unit_parts
from ctxprune.shrink.types import Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, checked_field


@dataclass(frozen=True)
class Magnitude(Checked):
    """|W| of single weights; of a unit the norm of all that goes with it, biases included; no data.

    Zhu and Gupta, To Prune, or Not to Prune, ICLR workshop 2018, and all since Han and others, 2015; Li and others,
    Pruning Filters for Efficient ConvNets, ICLR 2017, for units.

    Attributes:
        norm: Of a unit's weights, 1 or 2.
    """

    norm: int = checked_field(1, check_choice, (1, 2))

    def __call__(self, subject: Subject, groups: Sequence[Any]) -> dict[Any, Tensor]:
        """Of the parameter's shape by its name, or float64 (count,) by group; from 0 up."""
        scores = {}
        for group in groups:
            if isinstance(group, str):
                scores[group] = parameter_of(subject.model, group).detach().abs()
                continue
            parts = [
                unit_parts(parameter_of(subject.model, part.parameter).detach().double(), part, group.count)
                for part in group.slices
            ]
            scores[group.key] = sum(part.abs().pow(self.norm).sum(1) for part in parts) ** (1 / self.norm)
        return scores
