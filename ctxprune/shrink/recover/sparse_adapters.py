"""SPP: adapters that scale weights, so that what is zero stays zero through training and merging.

Lu and others, SPP: Sparsity-Preserved Parameter-Efficient Fine-Tuning for Large Language Models, ICML 2024:
W + scale * W * rows * columns, elementwise: `rows` (rank, inputs), each of its rows for as many neighbouring outputs,
and `columns` (outputs, 1), zero at first. Differs: no dropout, and no quantised base.
"""

from dataclasses import dataclass

import torch
from torch import nn

from ctxprune.shrink.learning.adapters import linear_paths
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.recover._delta import DeltaRecovery, Deltas
from ctxprune.shrink.types import Callable, Subject, Tensor
from ctxprune.utils.validation import check_number, checked_field


@dataclass(frozen=True)
class SparseAdapters(DeltaRecovery):
    """Trains a factor for each weight that is left; the pattern of zeros is the same afterwards.

    Attributes:
        rank: Rows of factors for each matrix; at most as many as it has outputs.
        scale: Of the product.
        loss: As in `tune.v1`.
    """

    rate: float = checked_field(3e-3, check_number, over=0)

    def build_deltas(self, subject: Subject) -> Deltas:
        """For each matrix the product of weights, rows and columns, which is zero at first."""
        generator = subject.generator(2)
        deltas = {}
        for path in linear_paths(subject.model):
            weight = parameter_of(subject.model, f"{path}.weight").detach()
            rank = min(self.rank, len(weight))
            rows = nn.Parameter(1 + 0.1 * torch.randn(rank, weight.shape[1], generator=generator))
            columns = nn.Parameter(torch.zeros(len(weight), 1))
            deltas[path] = ((rows, columns), _scaled(weight, rows, columns, self.scale))
        return deltas


def _scaled(weight: Tensor, rows: nn.Parameter, columns: nn.Parameter, scale: float) -> Callable[[], Tensor]:
    outputs, rank = len(weight), len(rows)
    which = torch.arange(outputs) * rank // outputs
    return lambda: scale * weight * rows[which] * columns
