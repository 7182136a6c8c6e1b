"""Plain tuning of all parameters, towards the teacher or towards the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.shrink.learning.losses import build_objective, check_objective
from ctxprune.shrink.learning.training import Schedule, train

if TYPE_CHECKING:
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Tune"]


@dataclass(frozen=True)
class Tune:
    """Trains every parameter; see `Schedule` for steps and rates.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        towards: "teacher", or "labels" for the task's loss.
        loss: How the teacher is followed: "output", "margin", "listwise" or "hidden"; see
        `ctxprune.shrink.learning.losses`. layers: How "hidden" matches layers: "uniform" or "nearest".
    """

    steps: int = 100
    rate: float = 1e-4
    towards: str = "teacher"
    loss: str = "output"
    layers: str = "uniform"

    def __post_init__(self) -> None:
        check_objective(self.loss, self.towards, self.layers)
        Schedule(self.steps, self.rate)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model trained in place."""
        aim = build_objective(subject, self.loss, towards=self.towards, layers=self.layers)
        chosen = [*subject.model.parameters(), *aim.parameters]
        train(subject, Schedule(self.steps, self.rate), parameters=chosen, loss=aim.loss)
        return subject
