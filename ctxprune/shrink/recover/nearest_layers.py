"""Distilling layers: each of the teacher's is followed by the student's nearest one.

Xia and others, Structured Pruning Learns Compact and Accurate Models (CoFi), ACL 2022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.losses import layered_loss
from ctxprune.shrink.learning.training import Schedule, train

if TYPE_CHECKING:
    from ctxprune.shrink.model.subject import Subject

__all__ = ["NearestLayers"]


@dataclass(frozen=True)
class NearestLayers:
    """Trains every parameter towards the teacher's output and layers.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        weight: Of the layers' distance; that of the output's is 1.
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
