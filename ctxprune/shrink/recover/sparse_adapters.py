"""SPP: adapters that scale weights, so that what is zero stays zero through training and merging.

Lu and others, SPP: Sparsity-Preserved Parameter-Efficient Fine-Tuning for Large Language Models, ICML 2024:
W + scale * W * rows * columns, elementwise: `rows` (rank, inputs), each of its rows for as many neighbouring outputs,
and `columns` (outputs, 1), zero at first. Differs: no dropout, and no quantised base.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.losses import build_objective, check_objective
from ctxprune.shrink.learning.training import Schedule
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.recover._delta import linear_modules, train_deltas

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["SparseAdapters"]


@dataclass(frozen=True)
class SparseAdapters:
    """Trains a factor for each weight that is left; the pattern of zeros is the same afterwards.

    Attributes:
        steps: Of the optimiser.
        rate: Peak learning rate.
        rank: Rows of factors for each matrix; at most as many as it has outputs.
        scale: Of the product.
        towards: "teacher" or "labels".
        loss: As in `tune.v1`.
    """

    steps: int = 100
    rate: float = 3e-3
    rank: int = 8
    scale: float = 1.0
    towards: str = "teacher"
    loss: str = "output"

    def __post_init__(self) -> None:
        if self.rank < 1 or self.scale <= 0:
            raise UsageError(f"rank is {self.rank} and scale {self.scale}", hint="rank from 1 up, scale above 0")
        Schedule(self.steps, self.rate)
        check_objective(self.loss, self.towards)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its matrices changed in place; the share of parameters is noted as "adapters"."""
        generator = subject.generator(2)
        deltas = {}
        for path in linear_modules(subject):
            weight = parameter_of(subject.model, f"{path}.weight").detach()
            rank = min(self.rank, len(weight))
            rows = nn.Parameter(1 + 0.1 * torch.randn(rank, weight.shape[1], generator=generator))
            columns = nn.Parameter(torch.zeros(len(weight), 1))
            deltas[path] = ((rows, columns), _scaled(weight, rows, columns, self.scale))
        train_deltas(
            subject, Schedule(self.steps, self.rate), deltas, build_objective(subject, self.loss, towards=self.towards)
        )
        return subject


def _scaled(weight: Tensor, rows: nn.Parameter, columns: nn.Parameter, scale: float) -> Callable[[], Tensor]:
    outputs, rank = len(weight), len(rows)
    which = torch.arange(outputs) * rank // outputs
    return lambda: scale * weight * rows[which] * columns
