"""Plain tuning of all parameters, towards the teacher's output or towards the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.shrink.recover.base import Schedule, train

if TYPE_CHECKING:
    from ctxprune.shrink.subject import Subject

__all__ = ["Tune"]


@dataclass(frozen=True)
class Tune:
    """Trains every parameter; see `Schedule` for steps and rates.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        towards: "teacher" (the task's divergence) or "labels" (the task's loss).
    """

    steps: int = 100
    rate: float = 1e-4
    towards: str = "teacher"

    def __post_init__(self) -> None:
        if self.towards not in ("labels", "teacher"):
            raise UsageError(f"towards is {self.towards!r}", hint="'labels' or 'teacher'")

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model trained in place."""
        train(subject, Schedule(self.steps, self.rate), loss=subject.task.loss if self.towards == "labels" else None)
        return subject
