"""CrAM: training that makes a model stable under later pruning."""

from dataclasses import dataclass

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.per_matrix import PerMatrix
from ctxprune.shrink.learning.training import Schedule, loss_towards, train
from ctxprune.shrink.measure.substituted import Substituted
from ctxprune.shrink.model.cost import matrices
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.types import Batch, Budget, Subject, Tensor
from ctxprune.utils.validation import check_number, checked_field


@dataclass(frozen=True)
class Cram(Training):
    """Gradient of L(C(W + rho * g)) + L(W), with g = dL/dW and C keeping the largest weights of each matrix.

    Peste and others, CrAM: A Compression-Aware Minimizer, ICLR 2023, with the plain loss added (CrAM+) and the share
    that C drops drawn anew in each step (CrAM-Multi). The gradient at the compressed point is applied to the weights as
    they are. For `prepare`: afterwards magnitude in one step loses little.

    Attributes:
        rho: Length of the step up before compressing, as a share of the weights' norm over the gradient's.
        drops: Shares that C drops.
    """

    rho: float = checked_field(0.01, check_number, minimum=0)
    drops: tuple[float, ...] = (0.5, 0.7, 0.9)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.drops or not all(0 < drop < 1 for drop in self.drops):
            raise UsageError(f"drops are {self.drops!r}", hint="give some between 0 and 1")

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
