"""Rows that are like those of the task at hand.

Zhang and others, Selectivity Drives Productivity: Efficient Dataset Pruning for Enhanced Transfer Learning, NeurIPS
2023, feature mapping: source rows are clustered by a model's representations, each target row falls into its nearest
cluster, and the clusters that no or few target rows fall into go. Here the source is the calibration data and the
target `Subject.related`: rows of what the model shall be good at. Differs: whole groups are ranked by their cluster's
share of target rows, so that any share of the data can be asked for.
"""

from dataclasses import dataclass, replace

import torch

from ctxprune.shrink.learning.clustering import k_means, sampled_centres
from ctxprune.shrink.select.base import best_share, needed_related, representations
from ctxprune.shrink.types import Subject, Tensor
from ctxprune.utils.validation import Checked, check_whole, checked_field


@dataclass(frozen=True)
class Selectivity(Checked):
    """Rows of the clusters that rows of the target task fall into; needs `related` data, no labels.

    Attributes:
        clusters: Of the calibration rows.
    """

    clusters: int = checked_field(16, check_whole, minimum=2)

    def __call__(self, subject: Subject, share: float) -> Tensor:
        """bool (rows,).

        Raises:
            UsageError: The subject has no related data.
        """
        wanted = needed_related(subject, "selectivity.v1")
        model = subject.teacher or subject.model
        source = representations(subject, model).double()
        target = representations(replace(subject, calibration=wanted), model).double()
        which = k_means(source, sampled_centres(source, self.clusters, subject.generator(6)))
        numbers = which.unique()
        centres = torch.stack([source[which == number].mean(0) for number in numbers])
        hits = torch.cdist(target, centres).argmin(1).bincount(minlength=len(numbers)).double()
        sizes = torch.stack([(which == number).sum() for number in numbers])
        worth = hits / sizes
        near = -torch.cdist(source, target).min(1).values  # inside a cluster the nearest first
        place = torch.searchsorted(numbers, which)
        return best_share(subject, worth[place] + 1e-6 * near, share)
