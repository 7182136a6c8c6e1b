"""Tuning of the head and the last layers alone.

Lu and others, Reassessing Layer Pruning in LLMs (2024): after the top quarter of the layers has gone, the head and the
last three layers that are left are tuned; this beats low-rank tuning of all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.training import Schedule, check_towards, loss_towards, train

if TYPE_CHECKING:
    from ctxprune.shrink.model.subject import Subject

__all__ = ["TuneLast"]


@dataclass(frozen=True)
class TuneLast:
    """Trains what stands after the last layer, and the last layers; word embeddings stay even where a head shares them.

    Attributes:
        layers: How many of the last layers are trained.
        steps: Of the optimiser.
        rate: Peak learning rate.
        towards: "labels" (the task's loss) or "teacher" (the task's divergence).
    """

    layers: int = 3
    steps: int = 100
    rate: float = 1e-4
    towards: str = "labels"

    def __post_init__(self) -> None:
        Schedule(self.steps, self.rate)
        check_towards(self.towards)
        if self.layers < 0:
            raise UsageError(f"layers is {self.layers!r}", hint="give a number from 0 up")

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model trained in place."""
        anatomy = subject.anatomy
        frozen = [f"{layer.path}." for layer in anatomy.layers[: max(len(anatomy.layers) - self.layers, 0)]]
        frozen += [f"{anatomy.embedded}.", f"{anatomy.embeddings}."]
        fixed = {id(entry) for name, entry in subject.model.named_parameters() if name.startswith(tuple(frozen))}
        chosen = [entry for entry in subject.model.parameters() if id(entry) not in fixed]
        if not chosen:
            raise UsageError("nothing stands after the last layer", where="tune_last", hint="train a layer at least")
        train(
            subject,
            Schedule(self.steps, self.rate),
            parameters=chosen,
            loss=loss_towards(subject, self.towards),
        )
        return subject
