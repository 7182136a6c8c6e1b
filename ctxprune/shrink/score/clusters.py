"""SEAP's score: activations of each task, found as clusters of the data.

Liang and others, SEAP: Training-free Sparse Expert Activation Pruning, 2025: hidden states of one task lie together,
and a unit's importance is taken over them alone: variance of the input of the consumer times its column's squared
norm (WIFV), or its root mean square times the norm (WIFN).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.clustering import farthest_centres, k_means
from ctxprune.shrink.measure.activations import consumers, layer_states, moments
from ctxprune.shrink.score.base import column_squares

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from ctxprune.shrink.measure.activations import Moments
    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject
    from ctxprune.shrink.model.tasks.base import Batch

__all__ = ["Clusters"]


@dataclass(frozen=True)
class Clusters:
    """Importance by cluster of the calibration rows; one cluster's, or over all of them.

    Attributes:
        clusters: How many; rows are told apart by the mean of their middle layer's states.
        only: Number of the cluster that alone counts, the largest being 0; -1 = all of them.
        across: How clusters become one score where all count: "mean" (weighted by rows) or "max" (what any task needs).
        statistic: "variance" (WIFV) or "norm" (WIFN).
    """

    clusters: int = 4
    only: int = -1
    across: str = "mean"
    statistic: str = "norm"

    def __post_init__(self) -> None:
        if self.clusters < 1 or not -1 <= self.only < self.clusters:
            raise UsageError(f"clusters is {self.clusters} and only {self.only}", hint="only from -1 to clusters - 1")
        if self.across not in ("max", "mean") or self.statistic not in ("norm", "variance"):
            raise UsageError(
                f"across is {self.across!r} and statistic {self.statistic!r}", hint="mean or max; variance or norm"
            )

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
            rows = _rows(subject.calibration, labels == cluster)
            found = moments(replace(subject, calibration=rows), consumers(groups))
            weight = float(sizes[cluster]) / float(sizes[chosen].sum())
            for group in groups:
                own = self._importance(subject, group, found)
                old = total.get(group.key)
                if self.across == "max":
                    total[group.key] = own if old is None else torch.maximum(old, own)
                else:
                    total[group.key] = weight * own if old is None else old + weight * own
        return total

    def _importance(self, subject: Subject, group: Group, found: Mapping[str, Moments]) -> Tensor:
        columns = column_squares(subject, group)
        seen = found[group.consumer]
        if self.statistic == "variance":
            values = seen.variance * columns
        else:
            values = (seen.squares / seen.count).sqrt() * columns.sqrt()
        return values.view(group.count, group.block).mean(1)


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


def _rows(batches: Sequence[Batch], chosen: Tensor) -> list[Batch]:
    """The chosen rows; of what is not by row (the pruner's units) nothing, as outputs alone are asked for."""
    found: list[Batch] = []
    place = 0
    for batch in batches:
        own = chosen[place : place + len(batch["input_ids"])]
        place += len(own)
        if bool(own.any()):
            found.append({name: entry[own] for name, entry in batch.items() if len(entry) == len(own)})
    return found
