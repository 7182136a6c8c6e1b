"""FLAP's score: how much a unit's activation moves, times the weights that read it.

An and others, Fluctuation-based Adaptive Structured Pruning for Large Language Models, AAAI 2024. A channel that hardly
moves can be replaced by its mean, which a bias holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.shrink.measure.activations import consumers, moments
from ctxprune.shrink.score.base import column_squares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Fluctuation"]


@dataclass(frozen=True)
class Fluctuation:
    """Variance over tokens of each input of the consumer, times its column's squared norm, summed over the unit."""

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; one forward pass, no labels."""
        found = moments(subject, consumers(groups))
        scores = {}
        for group in groups:
            columns = column_squares(subject, group)
            scores[group.key] = (found[group.consumer].variance * columns).view(group.count, group.block).sum(1)
        return scores
