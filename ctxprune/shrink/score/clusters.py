"""SEAP's score: activations of each task, found as clusters of the data.

Liang and others, SEAP: Training-free Sparse Expert Activation Pruning, 2025: hidden states of one task lie together,
and a unit's importance is taken over them alone (see `Fluctuation`).
"""

from dataclasses import dataclass, replace

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.clustering import farthest_centres, k_means
from ctxprune.shrink.learning.domains import rows_where
from ctxprune.shrink.measure.depth import layer_states
from ctxprune.shrink.score.fluctuation import STATISTICS, Fluctuation
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_whole, checked_field


@dataclass(frozen=True)
class Clusters(Checked):
    """Importance by cluster of the calibration rows; one cluster's, or over all of them.

    Attributes:
        clusters: How many; rows are told apart by the mean of their middle layer's states.
        only: Number of the cluster that alone counts, the largest being 0; -1 = all of them.
        across: How clusters become one score where all count: "mean" (weighted by rows) or "max" (what any task needs).
        statistic: As of `Fluctuation`.
    """

    clusters: int = checked_field(4, check_whole)
    only: int = -1
    across: str = checked_field("mean", check_choice, ("max", "mean"))
    statistic: str = checked_field("norm", check_choice, STATISTICS)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not -1 <= self.only < self.clusters:
            raise UsageError(f"clusters is {self.clusters} and only {self.only}", hint="only from -1 to clusters - 1")

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; unlabelled data. Notes `clusters`: rows of each."""
        labels = _labels(subject, self.clusters)
        sizes = torch.bincount(labels, minlength=self.clusters)
        # numbers of clusters come from chance; by size they mean the same for every seed
        order = sizes.argsort(descending=True, stable=True)
        subject.notes["clusters"] = sizes[order].tolist()
        chosen = [int(order[self.only])] if self.only >= 0 else [int(entry) for entry in order if sizes[entry]]
        total: dict[Key, Tensor] = {}
        for cluster in chosen:
            rows = rows_where(subject.calibration, labels == cluster)
            own = Fluctuation(self.statistic)(replace(subject, calibration=rows), groups)
            weight = float(sizes[cluster]) / float(sizes[chosen].sum())
            for key, score in own.items():
                if self.across == "max":
                    total[key] = torch.maximum(total.get(key, score), score)
                else:
                    total[key] = total.get(key, 0) + weight * score
        return total


def _labels(subject: Subject, clusters: int) -> Tensor:
    """The cluster of each row: int64 (rows,)."""
    means = []
    for batch in subject.needed_calibration():
        states = layer_states(subject, batch)
        middle = states[len(states) // 2].double()
        lengths = batch["attention_mask"].bool().sum(1)
        means += [part.mean(0) for part in middle.split(lengths.tolist())]
    points = torch.stack(means)
    return k_means(points, farthest_centres(points, min(clusters, len(points)), subject.generator(10)))
