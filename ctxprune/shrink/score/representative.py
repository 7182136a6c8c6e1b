"""How well a unit stands for others, times how much it is used: the ranking of "Gradient-Free Structured Pruning".

Nova and others, Gradient-Free Structured Pruning with Unlabeled Data, ICML 2023. Representative: the units' columns of
the matrix that reads them are written as convex-like combinations C of one another by the kernel form of convex matrix
factorisation, C <- C * sqrt(K / (K C)) with a Gaussian kernel K, and a unit's rank is C_uu: near 1 where only the unit
itself can stand for it. Data-driven: the size of its activation on unlabelled data.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.activations import consumers, moments
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.score.base import unit_parts
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field


@dataclass(frozen=True)
class Representative(Checked):
    """The product of both ranks, each over its largest in the group.

    Attributes:
        steps: Updates of C.
        width: Of the kernel, as a share of the mean squared distance between units, above 0.
    """

    steps: int = checked_field(20, check_whole)
    width: float = checked_field(1.0, check_number, over=0)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), 0..1; one forward pass, no labels, no gradients."""
        found = moments(subject, consumers(groups))
        scores = {}
        for group in groups:
            weight = parameter_of(subject.model, f"{group.consumer}.weight").detach().float()
            part = next(entry for entry in group.slices if entry.parameter == f"{group.consumer}.weight")
            ranks = representative_ranks(unit_parts(weight, part, group.count), self.steps, self.width)
            seen = found[group.consumer]
            used = (seen.squares / seen.count).view(group.count, group.block).sum(1).sqrt()
            scores[group.key] = (ranks / ranks.max().clamp(min=1e-30)) * (used / used.max().clamp(min=1e-30))
        return scores


def representative_ranks(points: Tensor, steps: int, width: float) -> Tensor:
    """The diagonal of C for points (units, features): float64 (units,), from 0 up."""
    distances = torch.cdist(points, points).square()
    # in units of the mean distance, so that one width fits all matrices
    kernel = torch.exp(-distances / (width * distances.mean()).clamp(min=1e-30))
    combined = torch.full_like(kernel, 1 / len(kernel))
    for _ in range(steps):
        # multiplicative updates keep every entry at or above zero
        combined *= (kernel / (kernel @ combined).clamp(min=1e-30)).sqrt()
    return combined.diagonal().double()
