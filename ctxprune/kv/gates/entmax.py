"""A sigmoid that reaches 0 and 1: entmax over two classes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.utils.validation import is_number

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["alpha_sigmoid", "check_alpha"]

_HALVINGS = 30  # of an interval of length 1: below the resolution of float32


def check_alpha(alpha: float) -> None:
    """Raises UsageError unless alpha is 1 or more; infinity is allowed."""
    if alpha != math.inf and (not is_number(alpha) or alpha < 1):
        raise UsageError(f"alpha is {alpha!r}", hint="1 (the usual sigmoid) or more, math.inf for a step")


def alpha_sigmoid(x: Tensor, alpha: float) -> Tensor:
    """First entry of alpha-entmax([x, 0]) (Peters et al., "Sparse Sequence-to-Sequence Models", arXiv:1905.05702).

    The solution p in 0..1 of p^(alpha - 1) - (1 - p)^(alpha - 1) = (alpha - 1) x: 1/2 at 0, increasing; for alpha
    above 1 exactly 0 or 1 from |x| = 1 / (alpha - 1) on, with gradient 0. Closed forms for 1 (sigmoid), 1.5, 2, 3 and
    infinity (a step, 1 at 0, without a gradient); bisection for other values.

    Args:
        x: Any shape, float32 or float64.
        alpha: 1 or more.

    Raises:
        UsageError: alpha is below 1 or no number.
    """
    check_alpha(alpha)
    if alpha == 1:
        return torch.sigmoid(x)
    if alpha == 1.5:
        half = (x / 2).clamp(-1, 1)
        return ((half + (2 - half * half).sqrt()) / 2).square()
    if alpha == 2:
        return ((x + 1) / 2).clamp(0, 1)
    if alpha == 3:
        return (x + 0.5).clamp(0, 1)
    if alpha == math.inf:
        return (x >= 0).to(x.dtype)
    found: Tensor = _BisectionSigmoid.apply(x, float(alpha))
    return found


class _BisectionSigmoid(torch.autograd.Function):  # type: ignore[misc]
    """Bisection where the result is neither 0 nor 1; the gradient is that of the implicit function."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, alpha: float) -> Tensor:
        power = alpha - 1
        inside = x.abs() < 1 / power
        wanted = x[inside] * power
        low, high = torch.zeros_like(wanted), torch.ones_like(wanted)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = middle.pow(power) - (1 - middle).pow(power) < wanted
            low, high = low.where(~below, middle), high.where(below, middle)
        answer = (x > 0).to(x.dtype)
        answer[inside] = (low + high) / 2
        ctx.save_for_backward(answer, inside)
        ctx.power = power
        return answer

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        answer, inside = ctx.saved_tensors
        p = answer[inside]
        # dp/dx of p^(a-1) - (1-p)^(a-1) = (a-1) x: differentiating through the halvings would give 0.
        slope = torch.zeros_like(grad)
        slope[inside] = 1 / (p.pow(ctx.power - 1) + (1 - p).pow(ctx.power - 1))
        return grad * slope, None
