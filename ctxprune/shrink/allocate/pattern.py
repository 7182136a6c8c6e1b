"""Single weights: N of each M neighbours stay (2:4, 4:8)."""

from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.base import keep_highest
from ctxprune.shrink.types import Budget, Mapping, Subject, Tensor
from ctxprune.utils.validation import check_whole


@dataclass(frozen=True)
class Pattern:
    """In each output row, of each `m` inputs side by side the `n` of the highest scores stay.

    Zhou and others, Learning N:M Fine-grained Structured Sparse Neural Networks From Scratch, ICLR 2021. Of a row's
    last inputs, where they are fewer than m, as large a share stays, rounded down. All of the pattern is laid at once,
    however little is asked.

    Attributes:
        n, m: How many stay, and of how many.
        columns: Whether the matrices that make the neurons of feed-forward parts have their groups among `m` neurons
            that read the same input instead: the only way in which scores that are one factor a neuron make a
            difference (DaSS). Kernels for 2:4 then multiply with the transposed matrix.
    """

    n: int = 2
    m: int = 4
    columns: bool = False

    def __post_init__(self) -> None:
        check_pattern(self.n, self.m)

    def __call__(self, subject: Subject, scores: Mapping[str, Tensor], budget: Budget) -> dict[str, Tensor]:
        """bool of the parameter's shape by its name, True = stays."""
        if budget.remove > 1 - self.n / self.m + 1e-9:
            raise UsageError(
                f"{self.n}:{self.m} leaves {100 * self.n / self.m:g} % of the weights, "
                f"not {100 * (1 - budget.remove):.1f} %",
                hint="raise the target or take a sparser pattern",
            )
        neurons = subject.anatomy.of_kind("neuron") if self.columns else ()
        makers = {part.parameter for group in neurons for part in group.slices if part.axis == 0}
        return {name: self.laid(score.T).T if name in makers else self.laid(score) for name, score in scores.items()}

    def laid(self, score: Tensor) -> Tensor:
        """The pattern over one matrix: bool of its shape."""
        rows = score.reshape(-1, score.shape[-1])
        whole = rows.shape[1] // self.m * self.m
        kept = torch.zeros_like(rows, dtype=torch.bool)
        if whole:
            groups = rows[:, :whole].reshape(-1, self.m)
            kept[:, :whole] = keep_highest(groups, [self.m - self.n] * len(groups)).view(len(rows), whole)
        # columns beyond the last whole group keep the same share, rounded in their favour
        if (rest := rows.shape[1] - whole) > 0:
            kept[:, whole:] = keep_highest(rows[:, whole:], [rest - self.n * rest // self.m] * len(rows))
        return kept.view(score.shape)


def check_pattern(n: int, m: int, *, optional: bool = False) -> None:
    """Refuse what is no pattern of n in m; where `optional`, both are 0 for none.

    Raises:
        UsageError: It is none, or one of the two is no whole number.
    """
    check_whole("n", n, minimum=0)
    check_whole("m", m, minimum=0)
    if not 0 < n < m and not (optional and n == m == 0):
        hint = "give n from 1 up and m above it" + (", or 0 for both" if optional else "")
        raise UsageError(f"the pattern is {n}:{m}", hint=hint)
