"""PASER: recovery data where pruning hurt most, cluster by cluster.

He and others, PASER: Post-Training Data Selection for Efficient Pruned Large Language Model Recovery, 2025. Rows are
clustered by their representation, so that a cluster is a capability; each cluster gets a part of the budget in
proportion to how much its rows lost; inside, rows that lost much for little cost come first (their divergence over the
logarithm of the cost, which grows with the square of length). Differs: representations are the teacher's own states and
clusters those of k-means, where the paper takes a sentence encoder, diffusion and spectral clustering; the divergence
is the task's, not Jensen-Shannon; rows that contradict one another are not looked for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.clustering import k_means, sampled_centres
from ctxprune.shrink.select.base import check_share, group_numbers, representations, row_divergences

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["Paser"]


@dataclass(frozen=True)
class Paser:
    """Groups by cluster and by what the model lost on them against its teacher; no labels.

    Attributes:
        clusters: At most; as many as there are groups where those are fewer.
    """

    clusters: int = 8

    def __post_init__(self) -> None:
        if self.clusters < 1:
            raise UsageError(f"clusters is {self.clusters}", hint="give 1 or more")

    def __call__(self, subject: Subject, share: float) -> Tensor:
        """bool (rows,)."""
        check_share(share)
        groups = group_numbers(subject)
        count = int(groups.max()) + 1
        sizes = groups.bincount().double()

        def mean(values: Tensor) -> Tensor:
            zeros = torch.zeros(count, *values.shape[1:], dtype=torch.float64)
            return zeros.index_add_(0, groups, values.double()) / sizes.view(-1, *[1] * (values.ndim - 1))

        teacher = subject.teacher or subject.model
        points = mean(representations(subject, teacher))
        which = k_means(points, sampled_centres(points, self.clusters, subject.generator(6)))
        lost = mean(row_divergences(subject))
        lengths = torch.cat([batch["attention_mask"].sum(1) for batch in subject.needed_calibration()])
        worth = lost / (1 + mean(lengths).square()).log()
        chosen = torch.zeros(count, dtype=torch.bool)
        wanted = max(round(share * count), 1)
        means = torch.stack([lost[which == number].mean() for number in which.unique()])
        parts = means / means.sum() if float(means.sum()) > 0 else torch.full_like(means, 1 / len(means))
        for number, part in zip(which.unique(), parts.tolist(), strict=True):
            members = (which == number).nonzero().flatten()
            best = members[worth[members].argsort(descending=True, stable=True)]
            chosen[best[: math.floor(part * wanted)]] = True
        left = worth.masked_fill(chosen, -1.0).argsort(descending=True, stable=True)
        chosen[left[: wanted - int(chosen.sum())]] = True  # what small clusters could not use
        return chosen[groups]
