"""Plain tuning of all parameters, towards the teacher or towards the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.losses import build_objective, check_objective
from ctxprune.shrink.learning.training import Schedule, train

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.shrink.model.subject import Subject
    from ctxprune.shrink.model.tasks.base import Batch

__all__ = ["Tune"]


@dataclass(frozen=True)
class Tune:
    """Trains every parameter; see `Schedule` for steps and rates.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        towards: "teacher", or "labels" for the task's loss.
        loss: How the teacher is followed: "output", "margin", "listwise" or "hidden"; see
            `ctxprune.shrink.learning.losses`.
        layers: How "hidden" matches layers: "uniform" or "nearest".
        labels: Weight of the task's own loss beside the teacher's, 0..1; the teacher's is 1 less it. Ben-Baruch and
            others, Distilling the Knowledge in Data Pruning (2024): the less data there is, the smaller it should be.
    """

    steps: int = 100
    rate: float = 1e-4
    towards: str = "teacher"
    loss: str = "output"
    layers: str = "uniform"
    labels: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.labels <= 1:
            raise UsageError(f"labels is {self.labels!r}", hint="give a weight from 0 to 1")
        check_objective(self.loss, self.towards, self.layers)
        Schedule(self.steps, self.rate)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model trained in place."""
        aim = build_objective(subject, self.loss, towards=self.towards, layers=self.layers)
        chosen = [*subject.model.parameters(), *aim.parameters]

        def mixed(model: nn.Module, batch: Batch) -> Tensor:
            return (1 - self.labels) * aim.loss(model, batch) + self.labels * subject.task.loss(model, batch)

        train(subject, Schedule(self.steps, self.rate), parameters=chosen, loss=mixed if self.labels else aim.loss)
        return subject
