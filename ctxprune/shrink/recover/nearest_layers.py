"""Distilling layers: each of the teacher's is followed by the student's nearest one.

Xia and others, Structured Pruning Learns Compact and Accurate Models (CoFi), ACL 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.losses import recorded
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.recover.base import Schedule, train

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn

    from ctxprune.shrink.model.subject import Subject
    from ctxprune.shrink.model.tasks.base import Batch

__all__ = ["NearestLayers", "layered_loss", "nearest_distance"]


@dataclass(frozen=True)
class NearestLayers:
    """Trains every parameter towards the teacher's output and layers.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        weight: Of the layers' distance, beside 1 of the output's.
    """

    steps: int = 100
    rate: float = 1e-4
    weight: float = 0.1

    def __post_init__(self) -> None:
        Schedule(self.steps, self.rate)
        if self.weight < 0:
            raise UsageError(f"weight is {self.weight!r}", hint="from 0 up")

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model trained in place."""
        train(subject, Schedule(self.steps, self.rate), loss=layered_loss(subject, self.weight))
        return subject


def nearest_distance(states: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Mean over the teacher's layers of the least mean squared distance to one of the student's: a scalar from 0 up.

    Args:
        states, wanted: Output of each layer, (tokens, width). Where the widths differ the distance is 0.
    """
    if not states or states[0].shape != wanted[0].shape:
        return torch.zeros(())
    pairs = [torch.stack([functional.mse_loss(own, goal) for own in states]).min() for goal in wanted]
    return torch.stack(pairs).mean()


def layered_loss(subject: Subject, weight: float) -> Callable[[nn.Module, Batch], Tensor]:
    """Divergence from the teacher's output plus `weight` times that of the layers; without one the task's loss."""
    teacher = subject.teacher
    if teacher is None:
        return subject.task.loss

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        output, states = _run(subject, model, batch)
        with torch.no_grad():
            goal, wanted = _run(subject, teacher, batch)
        value = subject.task.divergence(output, goal, batch)
        return value + weight * nearest_distance(states, wanted) if weight else value

    return loss


def _run(subject: Subject, model: nn.Module, batch: Batch) -> tuple[Tensor, list[Tensor]]:
    paths = [layer.path for layer in family_of(model).describe(model).layers]
    with recorded(model, paths, batch) as states:
        return subject.task.output(model, batch), states
