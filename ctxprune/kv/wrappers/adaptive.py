"""Budgets by layer that adapt to every context."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.selection import check_share, keep_count
from ctxprune.kv.wrappers.wrapper import Wrapper
from ctxprune.utils.validation import is_number

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.prefilled import Prefilled
    from ctxprune.kv.selection import Plan

__all__ = ["Adaptive"]


@dataclass(frozen=True)
class Adaptive(Wrapper):
    """Every layer keeps as many tokens as it needs for a share of its scores, the same share in all layers, so that
    counts adapt to the context: the idea of adaptive token pruning by instance and layer (Ye et al., "ATP-LLaVA",
    arXiv:2412.00447), for text and without training.

    The share is the one at which layers keep floor(n * (1 - ratio)) tokens a head on average, exactly; ties go to the
    earlier layer. A head's scores are shifted to start at 0 and normalised to sum to 1; heads of a layer have equal
    weight. Tokens that share a head's highest score (a window or sinks) count as its next highest.

    Attributes:
        floor: Minimum tokens of a layer, as a share of the average, 0..1; at least one token.
        ceiling: Maximum tokens of a layer, as a multiple of the average, 1 or more.
    """

    floor: float = 0.25
    ceiling: float = 3.0
    joint: ClassVar[bool] = True
    outermost: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share("floor", self.floor)
        if not is_number(self.ceiling) or self.ceiling < 1:
            raise UsageError(f"ceiling is {self.ceiling!r}", hint="a multiple of the average, 1 or more")

    def plans(self, prefilled: Prefilled) -> list[Plan]:
        """Counts of all layers together, then each layer's choice."""
        scores = self.scores(prefilled)
        rows = [self._count_layers(prefilled, scores, row) for row in range(len(scores[0]))]
        return [
            self.plan_batch(view, prefilled.real, scores=each, kept=[row[number] for row in rows])
            for number, (view, each) in enumerate(zip(prefilled.views, scores, strict=True))
        ]

    def _count_layers(self, prefilled: Prefilled, scores: list[Tensor], row: int) -> list[int]:
        """Tokens that each layer keeps in each head of one row of the batch."""
        view = prefilled.views[0]
        real = None if prefilled.real is None else prefilled.real[row, : view.tokens]
        own = [each[row, :, : view.tokens] for each in scores]
        if not own[0].shape[-1] or (real is not None and not bool(real.any())):
            return [0] * len(own)
        curves = torch.stack([cumulative_shares(each if real is None else each[:, real]) for each in own])
        layers, tokens = curves.shape
        mean = keep_count(tokens, self.ratio)
        low = max(int(mean * Fraction(str(float(self.floor)))), min(mean, 1))
        high = min(tokens, ceil(mean * Fraction(str(float(self.ceiling)))))
        # Tokens of all layers are ranked by the share that their layer has reached before them: the budget goes to
        # the layers that have reached least.
        before = torch.nn.functional.pad(curves, (1, 0))[:, low:high]
        order = before.flatten().argsort(stable=True)[: layers * (mean - low)]
        more = torch.bincount(order // max(high - low, 1), minlength=layers)
        return [int(count) for count in more + low]


def cumulative_shares(scores: Tensor) -> Tensor:
    """The share of a layer's scores in its 1, 2, ... n highest tokens, (heads, n) -> float64 (n,)."""
    scores = scores.double()
    highest = scores.amax(dim=-1, keepdim=True)
    # Presses mark a window or sinks by one value above all others: as it is, it would outweigh every other token.
    tied = scores == highest
    second = scores.masked_fill(tied, -torch.inf).amax(dim=-1, keepdim=True)
    lower = (tied.sum(dim=-1, keepdim=True) > 1) & second.isfinite()
    scores = torch.where(tied & lower, second, scores)
    scores = scores - scores.amin(dim=-1, keepdim=True)
    total = scores.sum(dim=-1, keepdim=True)
    shares = torch.where(total > 0, scores / total.clamp(min=1e-300), 1 / scores.shape[-1])
    return shares.sort(dim=-1, descending=True).values.cumsum(dim=-1).mean(dim=0)
