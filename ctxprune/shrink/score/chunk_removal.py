"""MultiPruner's width score: of each layer the weakest chunk of units is tried, and the loss without it counts.

Muñoz and others, MultiPruner: Balanced Structure Removal in Foundation Models (2025): units are ordered by magnitude,
and the layer whose last chunk costs the least perplexity is narrowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.score.removal import losses_without
from ctxprune.shrink.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from ctxprune.shrink.anatomy import Group, Key
    from ctxprune.shrink.subject import Subject

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
        chunks, sizes, tried = [], [], []
        for group in groups:
            sizes.append(_magnitudes(subject.model, group))
            chunks.append(sizes[-1].argsort(stable=True)[: max(round(self.share * group.count), 1)])
            gate = torch.ones(group.count)
            gate[chunks[-1]] = 0
            tried.append({group.key: gate})
        losses = losses_without(subject, tried, samples=self.samples)
        most, scores = losses.max(), {}
        for group, size, chunk, loss in zip(groups, sizes, chunks, losses, strict=True):
            scores[group.key] = most + 1 + size / size.max().clamp(min=1e-12)
            scores[group.key][chunk] = loss
        return scores


def _magnitudes(model: nn.Module, group: Group) -> Tensor:
    """Sum of a unit's absolute weights: float64 (count,)."""
    total = torch.zeros(group.count, dtype=torch.float64)
    for part in group.slices:
        entry = parameter_of(model, part.parameter).detach().movedim(part.axis, 0)
        own = entry[part.start : part.start + group.count * part.size]
        total += own.double().abs().reshape(group.count, -1).sum(1)
    return total
