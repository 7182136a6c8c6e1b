"""Contextual pruning's score: how large a unit's output is on a domain's data, on the mean.

Valicenti and others, Mini-GPTs: Efficient Large Language Models through Contextual Pruning, 2023: for a neuron the mean
over tokens of the size of its activation; a unit that a domain's data never wake goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.measure.activations import consumers, watch_modules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Inactive"]


@dataclass(frozen=True)
class Inactive:
    """Mean over real tokens of |x|, summed over a unit's inputs of the consumer; as shares of the group's largest.

    Attributes:
        relative: Whether shares are given, comparable over groups, or the sizes themselves.
    """

    relative: bool = True

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), 0..1 where relative; unlabelled data of the domain."""
        paths = consumers(groups)
        sums = {
            path: torch.zeros(group.count * group.block, dtype=torch.float64)
            for path, group in zip(paths, groups, strict=True)
        }
        counts = dict.fromkeys(sums, 0)

        def add(path: str, rows: Tensor) -> None:
            sums[path] += rows.double().abs().sum(0).cpu()
            counts[path] += len(rows)

        with torch.no_grad():
            for batch in subject.needed_calibration():
                with watch_modules(subject.model, list(sums), batch, add):
                    subject.task.output(subject.model, batch)
        scores = {}
        for group in groups:
            size = (sums[group.consumer] / max(counts[group.consumer], 1)).view(group.count, group.block).sum(1)
            scores[group.key] = size / size.max().clamp(min=1e-12) if self.relative else size
        return scores
