"""CriticalKV: scores weighted by each token's effect on the layer's output."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.selection import check_share, top
from ctxprune.kv.wrappers.wrapper import Wrapper
from ctxprune.utils.validation import check_number

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["CriticalKV", "output_norms"]


@dataclass(frozen=True)
class CriticalKV(Wrapper):
    """Fills a first part of the budget by the inner scores, and the rest by (score + epsilon) * ||W_o v||_1, a token's
    contribution to the layer's output (Feng et al., "Identify Critical KV Cache in LLM Inference from an Output
    Perturbation Perspective", arXiv:2502.03805). It may be the inner press of AdaKV.

    Attributes:
        first: The share of a head's budget that is chosen by the inner scores only, 0..1.
        epsilon: Added to the scores before weighting, 0 or more.

    Raises:
        UsageError: While pressing: the inner scores are no shares of attention, as some are below 0.
    """

    first: float = 0.5
    epsilon: float = 1e-4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share("first", self.first)
        check_number("epsilon", self.epsilon, minimum=0)

    def rank(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """(score + epsilon) * ||W_o v||_1, inf for the first part of each head's budget."""
        inner = super().rank(view, scores, kept)
        finite = inner.isfinite()
        if bool((inner < 0).logical_and(finite).any()):
            raise UsageError(
                f"{type(self.press).__name__} gives scores below 0",
                hint="CriticalKV weights shares of attention: SnapKV",
            )
        part = int((kept - view.question) * Fraction(str(float(self.first))))
        sure = top(inner, part + view.question)
        # Infinite scores keep their meaning: kept in any case, or dropped by an earlier press.
        weighted = ((inner + self.epsilon) * output_norms(view)).where(finite, inner)
        return weighted.masked_fill(sure, float("inf"))

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """The highest scores of each head after both parts."""
        return top(self.rank(view, scores, kept), kept)


def output_norms(view: LayerView) -> Tensor:
    """||W_o v||_1 of every token, W_o being a query head's columns of the output projection; the mean over the heads of
    a
    group: float32 (batch, kv_heads, n).

    Raises:
        UsageError: The projection's width is not that of all heads' values.
    """
    weight = view.attention.output.weight
    heads, width = view.attention.heads, view.values.shape[-1]
    if weight.ndim != 2 or weight.shape[1] != heads * width:
        raise UsageError(
            f"the output projection is {tuple(weight.shape)}",
            where=f"layer {view.attention.layer}",
            hint=f"CriticalKV needs one of {heads} heads of {width} values",
        )
    group = heads // view.kv_heads
    norms = view.values.new_zeros(view.values.shape[:-1], dtype=torch.float32)
    for head in range(heads):
        # One head at a time: W_o v of all heads would take hidden size / width times the values.
        columns = weight[:, head * width : (head + 1) * width].to(view.values.dtype)
        norms[:, head // group] += (view.values[:, head // group] @ columns.T).float().abs().sum(dim=-1) / group
    return norms
