"""Random rows: the baseline of every selector.

Ben-Baruch and others, Distilling the Knowledge in Data Pruning, 2024: where a teacher is followed, a random share is as
good as or better than a chosen one.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.select.base import best_share, group_numbers
from ctxprune.shrink.types import Subject, Tensor


@dataclass(frozen=True)
class Random:
    """A random share of the groups, by the subject's seed."""

    def __call__(self, subject: Subject, share: float) -> Tensor:
        """bool (rows,)."""
        groups = group_numbers(subject)
        scores = torch.rand(int(groups.max()) + 1, generator=subject.generator(5))
        return best_share(subject, scores[groups], share)
