"""What happens without a unit: the loss, or how far the output moves, when it alone is masked.

Kim and others, Shortened LLaMA (2024): perplexity without each block, all scored once. Song and others, SLEB (ICML
2024): the same, scored anew after each removal. Zhong and others, BlockPruner (Findings of ACL 2025): the same of
attention and feed-forward parts. Zhang and others, FinerCut (2024): the change of the output against the whole
model's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.removal import MEASURES, losses_without

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Removal"]


@dataclass(frozen=True)
class Removal:
    """The loss, or the change of the output against the teacher's, with one unit masked and all others there.

    One forward pass over the data for each unit. Labels where the task's loss needs them.

    Attributes:
        measure: "loss" (of the task), "divergence" (the task's, from the teacher), or one of `MEASURES`.
        samples: Most rows of calibration that are read; 0 = all.
    """

    measure: str = "loss"
    samples: int = 0

    def __post_init__(self) -> None:
        if self.measure not in ("loss", "divergence", *MEASURES):
            known = ", ".join(("loss", "divergence", *MEASURES))
            raise UsageError(f"measure is {self.measure!r}", hint=f"one of {known}")

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,): higher = more is lost without the unit."""
        scores = {}
        for group in groups:
            # row u masks unit u and leaves the others open
            gates = 1 - torch.eye(group.count)
            scores[group.key] = losses_without(
                subject, [{group.key: gate} for gate in gates], measure=self.measure, samples=self.samples
            )
        return scores
