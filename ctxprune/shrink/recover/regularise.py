"""DReSS: the units that will go are regularised first, so that what they know moves to the others.

Feng and others, DReSS: Data-driven Regularized Structured Streamlining for Large Language Models, 2025: loss +
strength * norm of the weights of the chosen units, on a little data; then they go, and the rest is tuned. The norm is
applied as decoupled weight decay (Loshchilov and Hutter, ICLR 2019): an adaptive optimiser divides the slope of a
penalty by its own size, so that in some hundred steps no strength of it brings weights near zero. The squared norm
takes the same share of a weight in each step, the sum of sizes the same amount.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ctxprune.shrink.allocate.uniform import Uniform
from ctxprune.shrink.learning.training import TOWARDS, Schedule, loss_towards, train
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.registries import SCORES
from ctxprune.shrink.types import Key, Mapping, Score, Subject, Tensor, nn
from ctxprune.utils.validation import check_choice, check_range, checked_field


@dataclass(frozen=True)
class Regularise(Training):
    """Chooses units under the stage's budget, the same share of each group, and trains while their weights decay.

    Attributes:
        left: What decay alone leaves of the chosen units' weights at the end, above 0 and under 1; by "l1" of one
            of the mean size.
        score: Which units are chosen: the lowest of this score.
        parameters: Of the score.
        norm: "l2" (the squared norm) or "l1" (the sum of sizes).
    """

    left: float = checked_field(0.05, check_range, open_low=True, open_high=True)
    score: str = "fluctuation.v1"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    towards: str = checked_field("teacher", check_choice, TOWARDS)
    norm: str = checked_field("l2", check_choice, ("l1", "l2"))

    def __call__(self, subject: Subject) -> Subject:
        """The subject, its model trained in place; `learned` is 1 for units that stay and 0 for those that go.

        Raises:
            UsageError: There is no budget.
        """
        budget = subject.needed_budget()
        score: Score = SCORES.get(self.score)(**self.parameters)
        scores = score(subject, budget.groups)
        kept = Uniform()(subject, scores, budget)
        parts = self._parts(subject, kept)
        factor = self.left ** (1 / self.steps)
        # of a weight of the mean size `left` stays, smaller ones are zero by then
        amounts = [(1 - self.left) * float(entry[rows].detach().abs().mean()) / self.steps for entry, rows in parts]

        def decay(_: int) -> None:
            with torch.no_grad():
                for (entry, rows), amount in zip(parts, amounts, strict=True):
                    own = entry[rows]
                    entry[rows] = own * factor if self.norm == "l2" else own.sign() * (own.abs() - amount).clamp(min=0)

        train(subject, Schedule(self.steps, self.rate), loss=loss_towards(subject, self.towards), after=decay)
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
