"""DReSS: the units that will go are regularised first, so that what they know moves to the others.

Feng and others, DReSS: Data-driven Regularized Structured Streamlining for Large Language Models, 2025: loss +
strength * norm of the weights of the chosen units, on a little data; then they go, and the rest is tuned.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.uniform import Uniform
from ctxprune.shrink.learning.training import Schedule, check_towards, loss_towards, train
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.registries import SCORES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from ctxprune.shrink.model.anatomy import Key
    from ctxprune.shrink.model.subject import Subject
    from ctxprune.shrink.model.tasks.base import Batch

__all__ = ["Regularise"]


@dataclass(frozen=True)
class Regularise:
    """Chooses units under the stage's budget, the same share of each group, and trains with a penalty on them.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        strength: Of the penalty, per unit of the mean absolute (or squared) weight.
        norm: 1 (sum of sizes) or 2 (sum of squares).
        score: Which units are chosen: the lowest of this score.
        parameters: Of the score.
        towards: "teacher" or "labels".
    """

    steps: int = 200
    rate: float = 1e-4
    strength: float = 1.0
    norm: int = 2
    score: str = "fluctuation.v1"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    towards: str = "teacher"

    def __post_init__(self) -> None:
        Schedule(self.steps, self.rate)
        check_towards(self.towards)
        if self.strength <= 0 or self.norm not in (1, 2):
            raise UsageError(f"{self} is out of range", hint="strength above 0; norm 1 or 2")

    def __call__(self, subject: Subject) -> Subject:
        """The subject, its model trained in place; `learned` is 1 for units that stay and 0 for those that go.

        Raises:
            UsageError: There is no budget.
        """
        budget = subject.needed_budget()
        scores = SCORES.get(self.score)(**self.parameters)(subject, budget.groups)
        kept = Uniform()(subject, scores, budget)
        parts = self._parts(subject, kept)
        told = loss_towards(subject, self.towards)

        def loss(model: nn.Module, batch: Batch) -> Tensor:
            penalty = sum((entry[rows].abs() ** self.norm).mean() for entry, rows in parts)
            return told(model, batch) + self.strength * penalty / max(len(parts), 1)

        train(subject, Schedule(self.steps, self.rate), loss=loss)
        return replace(subject, learned={key: mask.float() for key, mask in kept.items()})

    @staticmethod
    def _parts(subject: Subject, kept: Mapping[Key, Tensor]) -> list[tuple[nn.Parameter, Any]]:
        """Each parameter that units go from, and the index of what goes."""
        parts = []
        for key, mask in kept.items():
            for part in subject.anatomy.groups[key].slices:
                gone = part.start + (~mask).repeat_interleave(part.size).nonzero().flatten()
                if len(gone):
                    index: Any = gone if part.axis == 0 else (slice(None), gone)
                    parts.append((parameter_of(subject.model, part.parameter), index))
        return parts
