"""Movement pruning: which weights move away from zero while they are tuned."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.all_matrices import AllMatrices
from ctxprune.shrink.allocate.per_matrix import PerMatrix
from ctxprune.shrink.learning.training import Schedule, check_towards, loss_towards, train
from ctxprune.shrink.measure.substituted import Substituted, straight_through
from ctxprune.shrink.model.budget import Budget
from ctxprune.shrink.model.cost import matrices

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject
    from ctxprune.shrink.model.tasks.base import Batch

__all__ = ["Movement"]


@dataclass(frozen=True)
class Movement:
    """S = -sum over steps of W * dL/dW': scores learned by gradient, the highest of them kept in each step.

    Sanh and others, Movement Pruning: Adaptive Sparsity by Fine-Tuning, NeurIPS 2020. The model runs with the weights
    of the highest scores alone, their share falling along a cubic to the budget's over two thirds of the steps; the
    gradient of a kept-or-not is given to the score as it is (straight-through), so that masked weights can come back.
    With `tune` off the weights stay as they are and only the masks are learned: Jiang and others, Pruning Pre-trained
    Language Models Without Fine-Tuning, ACL 2023 (SMP).

    For a stage's `prepare`; the scores go to `learned.v1`. Scores and weights share one rate: scores are compared with
    one another alone, so theirs does not matter.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        tune: Whether the weights are trained, too.
        towards: "teacher" (the task's divergence) or "labels" (the task's loss).
        within: "matrix" (each keeps the same share) or "model" (one ranking over all).
    """

    steps: int = 200
    rate: float = 1e-4
    tune: bool = True
    towards: str = "labels"
    within: str = "matrix"

    def __post_init__(self) -> None:
        Schedule(self.steps, self.rate)
        check_towards(self.towards)
        if self.within not in ("matrix", "model"):
            raise UsageError(f"within is {self.within!r}", hint="'matrix' or 'model'")

    def __call__(self, subject: Subject) -> Subject:
        """The subject with what was learned; its model trained in place where that is asked for."""
        names = matrices(subject.model)
        weights = {name: subject.model.get_parameter(name) for name in names}
        scores = {name: nn.Parameter(torch.zeros_like(entry)) for name, entry in weights.items()}
        share, allocate = subject.needed_budget().remove, AllMatrices() if self.within == "model" else PerMatrix()
        computed = loss_towards(subject, self.towards)
        # a list, since the loss is called by the loop and has to see the number of the step
        step = [0]

        def loss(model: nn.Module, batch: Batch) -> Tensor:
            # the last third trains at the final share, so that scores settle
            part = min(1.0, 1.5 * (step[0] + 1) / self.steps)
            now = Budget((), {}, share * (1 - (1 - part) ** 3), measure="weights")
            masks = allocate(subject, {name: score.detach() for name, score in scores.items()}, now)
            # masks change in each step, and masked weights go on learning by their scores
            values = {name: weights[name] * straight_through(masks[name], score) for name, score in scores.items()}
            return computed(Substituted(model, values), batch)

        def after(number: int) -> None:
            step[0] = number

        tuned = list(subject.model.parameters()) if self.tune else []
        train(subject, Schedule(self.steps, self.rate), parameters=[*tuned, *scores.values()], loss=loss, after=after)
        return replace(subject, learned={name: score.detach() for name, score in scores.items()})
