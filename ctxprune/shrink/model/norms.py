"""Norms over the residual: normalised states before scale and shift, and least-squares fits of both."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctxprune.utils.foreign import optional_member


def norm_epsilon(norm: Any) -> float:
    """What a root-mean-square norm adds to the mean square."""
    # transformers has no base class of its norms: Llama's says `variance_epsilon`, others `eps`
    return float(optional_member(norm, "variance_epsilon", optional_member(norm, "eps", 1e-6)))


def normalise(norm: Any, states: Tensor) -> Tensor:
    """States (tokens, width) as a layer norm or a root-mean-square norm leaves them before scale and shift: float64."""
    states = states.double()
    if isinstance(norm, nn.LayerNorm):
        return functional.layer_norm(states, states.shape[-1:], eps=norm.eps)
    return states * torch.rsqrt(states.square().mean(-1, keepdim=True) + norm_epsilon(norm))


def fit_norm(norm: Any, states: Tensor, wanted: Tensor) -> None:
    """Set a norm's scale, and its shift where it has one, by least squares, so that it makes `wanted` of `states`.

    Both are (tokens, width). Dimensions that do not vary keep their scale.
    """
    inner, wanted = normalise(norm, states), wanted.double()
    # only a layer norm can move the mean, so the others are fitted through the origin
    shift = dict(norm.named_parameters(recurse=False)).get("bias")  # root-mean-square norms have none
    middle = inner.mean(0) if shift is not None else torch.zeros_like(inner[0])
    goal = wanted.mean(0) if shift is not None else torch.zeros_like(middle)
    spread = (inner - middle).square().mean(0)
    # one regression a dimension: a norm scales dimensions one by one
    slope = ((inner - middle) * (wanted - goal)).mean(0) / spread.clamp(min=1e-12)
    scale = torch.where(spread > 1e-10, slope, norm.weight.detach().double())
    with torch.no_grad():
        norm.weight.copy_(scale)
        if shift is not None:
            shift.copy_(goal - scale * middle)
