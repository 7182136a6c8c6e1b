"""MultiPruner's width score: of each layer the weakest chunk of units is tried, and the loss without it counts.

Muñoz and others, MultiPruner: Balanced Structure Removal in Foundation Models (2025): units are ordered by magnitude,
and the layer whose last chunk costs the least perplexity is narrowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.removal import losses_without
from ctxprune.shrink.score.unit_magnitude import UnitMagnitude

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["ChunkRemoval"]


@dataclass(frozen=True)
class ChunkRemoval:
    """Loss without the chunk of a group's units whose weights are smallest; labels where the task's loss needs them.

    Attributes:
        share: Of a group's units that are one chunk; one unit at least.
        samples: Most rows of calibration that are read; 0 = all.
    """

    share: float = 0.1
    samples: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise UsageError(f"share is {self.share!r}", hint="give a share above 0 and up to 1")

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,): units of the chunk by the loss without it, all others above every chunk, by magnitude."""
        chunks, tried = [], []
        sizes = list(UnitMagnitude(norm=1)(subject, groups).values())
        for group, size in zip(groups, sizes, strict=True):
            chunks.append(size.argsort(stable=True)[: max(round(self.share * group.count), 1)])
            gate = torch.ones(group.count)
            gate[chunks[-1]] = 0
            tried.append({group.key: gate})
        losses = losses_without(subject, tried, samples=self.samples)
        most, scores = losses.max(), {}
        for group, size, chunk, loss in zip(groups, sizes, chunks, losses, strict=True):
            scores[group.key] = most + 1 + size / size.max().clamp(min=1e-12)
            scores[group.key][chunk] = loss
        return scores
