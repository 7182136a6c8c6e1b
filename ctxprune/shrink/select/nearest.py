"""Rows nearest to related data, by the model's states.

Zhang and others, Selectivity Drives Productivity: Efficient Dataset Pruning for Enhanced Transfer Learning, NeurIPS
2023: source data is kept by how near it is, in a model's representations, to data of the target task. Differs: each
row by its nearest neighbour, without the clusters that `selectivity.v1` has.
"""

from dataclasses import dataclass, replace

import torch

from ctxprune.shrink.select.base import best_share, needed_related, representations
from ctxprune.shrink.types import Subject, Tensor


@dataclass(frozen=True)
class Nearest:
    """The groups whose rows are nearest to a row of the related data; needs no labels."""

    def __call__(self, subject: Subject, share: float) -> Tensor:
        """bool (rows,).

        Raises:
            UsageError: The subject has no related data.
        """
        wanted = needed_related(subject, "nearest.v1")
        model = subject.teacher or subject.model
        target = representations(replace(subject, calibration=wanted), model).double()
        near = -torch.cdist(representations(subject, model).double(), target).min(1).values
        return best_share(subject, near, share)
