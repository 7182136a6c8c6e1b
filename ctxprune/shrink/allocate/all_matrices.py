"""Single weights: one ranking over all matrices, with a minimum kept in each."""

from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.base import divide_removals, keep_highest
from ctxprune.shrink.types import Budget, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_range, checked_field


@dataclass(frozen=True)
class AllMatrices(Checked):
    """The lowest scores go, whatever matrix they are in; a share of each matrix stays in any case.

    Gupta and others, Is Complexity Required for Neural Network Pruning? A Case Study on Global Magnitude Pruning, 2022,
    where the minimum keeps a matrix from being cut off. Scores must be comparable over matrices.

    Attributes:
        least: Share of each matrix that stays, 0..1.
    """

    least: float = checked_field(0.02, check_range)

    def __call__(self, subject: Subject, scores: Mapping[str, Tensor], budget: Budget) -> dict[str, Tensor]:  # noqa: ARG002
        """bool of the parameter's shape by its name, True = stays."""
        if budget.remove > 1 - self.least + 1e-9:
            raise UsageError(
                f"{100 * budget.remove:.1f} % cannot go with {100 * self.least:g} % kept of each matrix",
                hint="raise the target or lower least",
            )
        sizes = [score.numel() for score in scores.values()]
        ranked = []
        for score, size in zip(scores.values(), sizes, strict=True):
            flat = score.reshape(-1)
            safe = keep_highest(flat[None], [size - int(self.least * size)])[0]
            ranked.append(flat.masked_fill(safe, torch.inf))
        (count,) = divide_removals([sum(sizes)], budget.remove)
        kept = keep_highest(torch.cat(ranked)[None], [count])[0].split(sizes)
        return {name: part.view(score.shape) for (name, score), part in zip(scores.items(), kept, strict=True)}
