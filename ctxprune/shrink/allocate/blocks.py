"""Single weights: whole blocks of a matrix go."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from ctxprune.shrink.types import Budget, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_whole, checked_field


@dataclass(frozen=True)
class Blocks(Checked):
    """Each matrix is laid out in blocks; those of the lowest mean score go, until the share is met.

    Lagunas and others, Block Pruning For Faster Transformers, EMNLP 2021 (the blocks; the scores may be any). Blocks at
    the edges are smaller. Less than one block more than was asked goes, over all matrices together.

    Attributes:
        rows, columns: Of a block.
    """

    rows: int = checked_field(4, check_whole)
    columns: int = checked_field(4, check_whole)

    def __call__(self, subject: Subject, scores: Mapping[str, Tensor], budget: Budget) -> dict[str, Tensor]:  # noqa: ARG002
        """bool of the parameter's shape by its name, True = stays."""
        found: dict[str, Tensor] = {}
        wanted, gone = 0.0, 0
        for name, score in scores.items():
            wanted += budget.remove * score.numel()
            kept = self._laid(score.reshape(-1, score.shape[-1]), wanted - gone)
            gone += int((~kept).sum())
            found[name] = kept.view(score.shape)
        return found

    def _laid(self, score: Tensor, wanted: float) -> Tensor:
        """All blocks but the lowest ones that together have so many weights."""
        sizes = self._pool(torch.ones_like(score, dtype=torch.float64))
        means = self._pool(score.double()) / sizes
        order = means.flatten().argsort(stable=True)
        before = sizes.flatten()[order].cumsum(0) - sizes.flatten()[order]
        kept = torch.zeros(order.numel(), dtype=torch.bool).scatter_(0, order, before >= wanted - 1e-6)
        wide = kept.view(means.shape).repeat_interleave(self.rows, 0).repeat_interleave(self.columns, 1)
        return wide[: score.shape[0], : score.shape[1]]

    def _pool(self, values: Tensor) -> Tensor:
        """Sums over blocks."""
        below, right = -values.shape[0] % self.rows, -values.shape[1] % self.columns
        padded = functional.pad(values, (0, right, 0, below))
        return padded.unflatten(1, (-1, self.columns)).sum(2).unflatten(0, (-1, self.rows)).sum(1)
