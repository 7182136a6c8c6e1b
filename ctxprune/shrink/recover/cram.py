"""CrAM: training that makes a model stable under later pruning."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.per_matrix import PerMatrix
from ctxprune.shrink.learning.training import Schedule, check_towards, loss_towards, train
from ctxprune.shrink.measure.substituted import Substituted
from ctxprune.shrink.model.cost import matrices
from ctxprune.shrink.types import Batch, Budget, Subject, Tensor


@dataclass(frozen=True)
class Cram:
    """Gradient of L(C(W + rho * g)) + L(W), with g = dL/dW and C keeping the largest weights of each matrix.

    Peste and others, CrAM: A Compression-Aware Minimizer, ICLR 2023, with the plain loss added (CrAM+) and the share
    that C drops drawn anew in each step (CrAM-Multi). The gradient at the compressed point is applied to the weights as
    they are. For `prepare`: afterwards magnitude in one step loses little.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        rho: Length of the step up before compressing, as a share of the weights' norm over the gradient's.
        drops: Shares that C drops.
        towards: "teacher" or "labels".
    """

    steps: int = 200
    rate: float = 1e-4
    rho: float = 0.01
    drops: tuple[float, ...] = (0.5, 0.7, 0.9)
    towards: str = "labels"

    def __post_init__(self) -> None:
        Schedule(self.steps, self.rate)
        if self.rho < 0 or not self.drops or not all(0 < drop < 1 for drop in self.drops):
            raise UsageError(f"rho is {self.rho!r}, drops {self.drops!r}", hint="rho from 0 up, drops between 0 and 1")
        check_towards(self.towards)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model trained in place, still dense."""
        weights = {name: subject.model.get_parameter(name) for name in matrices(subject.model)}
        computed = loss_towards(subject, self.towards)
        generator = subject.generator(2)

        def loss(model: nn.Module, batch: Batch) -> Tensor:
            plain = computed(model, batch)
            # the graph is kept: the plain loss is trained as well
            slopes = torch.autograd.grad(plain, list(weights.values()), retain_graph=True)
            # a share at random, so that one model serves all of them
            drop = self.drops[int(torch.randint(len(self.drops), (), generator=generator))]
            moved = {
                name: entry.detach() + self.rho * float(entry.detach().norm() / slope.norm().clamp(min=1e-12)) * slope
                for (name, entry), slope in zip(weights.items(), slopes, strict=True)
            }
            masks = PerMatrix()(subject, {name: entry.abs() for name, entry in moved.items()}, Budget((), {}, drop))
            values = {name: entry + (moved[name] * masks[name] - entry).detach() for name, entry in weights.items()}
            return plain + computed(Substituted(model, values), batch)

        train(subject, Schedule(self.steps, self.rate), loss=loss)
        return subject
