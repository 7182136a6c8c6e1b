"""Activation times weight: CFSP's fine score.

Wang and others, CFSP: An Efficient Structured Pruning Framework for LLMs with Coarse-to-Fine Activation Information,
COLING 2025.
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

__all__ = ["ActivationWeight"]


@dataclass(frozen=True)
class ActivationWeight:
    """Root of the sum over a unit's inputs j of E[x_j^2] * ||W_:j||^2, W the matrix that reads them."""

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; one forward pass, no labels."""
        found = moments(subject, consumers(groups))
        scores = {}
        for group in groups:
            columns = column_squares(subject, group)
            seen = found[group.consumer]
            scores[group.key] = (seen.squares / seen.count * columns).view(group.count, group.block).sum(1).sqrt()
        return scores
