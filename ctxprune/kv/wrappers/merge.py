"""Merging: what is dropped goes into what is most like it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn.functional import normalize

from ctxprune.kv.wrappers.wrapper import Wrapper

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView
    from ctxprune.kv.selection import Plan

__all__ = ["Merge"]

_BLOCK = 512  # dropped tokens that are compared at once


@dataclass(frozen=True)
class Merge(Wrapper):
    """Merges each dropped token of the context into the kept one of its head whose key is most like its own; ties go
    to the earlier one. A baseline after "Which Tokens to Use? Investigating Token Reduction in Vision Transformers"
    (Haurum et al., arXiv:2308.04657) and token merging (Bolya et al., "Token Merging", arXiv:2210.09461).

    Likeness is the cosine of keys before the rotary embedding, so that places do not count. A kept token becomes the
    mean of itself and all that was merged into it, each with the same weight: the values as they are, the keys before
    the rotary embedding, turned to the kept token's place afterwards, so that positions stay right. Tokens into which
    nothing was merged stay as they were, bit for bit. A merged token draws the attention of one.
    """

    edits: ClassVar[bool] = True

    def edit(self, view: LayerView, plan: Plan) -> Plan:
        """The inner press's plan with merged keys and values."""
        plan = super().edit(view, plan)
        chosen = plan.chosen[..., : view.tokens]
        if bool(chosen.all()):
            return plan
        hidden, n = view.hidden[:, : view.tokens], view.tokens
        raw = view.attention.keys(hidden, view.head_dim)
        targets = nearest_kept(raw, chosen)
        values = view.values if plan.values is None else plan.values
        keys = view.keys if plan.keys is None else plan.keys
        merged, sizes = mean_by_target(raw, targets)
        turned = view.attention.rotate(merged.to(raw.dtype), view.cos[:, :n], view.sin[:, :n])
        grown = (sizes > 1)[..., None]
        mean_values = mean_by_target(values[..., :n, :], targets)[0].to(values.dtype)
        return replace(
            plan,
            keys=_replace_first(keys, torch.where(grown, turned, keys[..., :n, :])),
            values=_replace_first(values, torch.where(grown, mean_values, values[..., :n, :])),
        )


def nearest_kept(keys: Tensor, chosen: Tensor) -> Tensor:
    """For each token the place of the most similar chosen one of its head, itself if chosen: long (batch, heads, n).

    Tokens of a head that keeps none stay at their own place.
    """
    directions = normalize(keys.float(), dim=-1)
    targets = torch.arange(keys.shape[-2], device=keys.device).expand(chosen.shape).clone()
    closed = ~chosen[..., None, :]
    for start in range(0, keys.shape[-2], _BLOCK):
        likeness = directions[..., start : start + _BLOCK, :] @ directions.transpose(-1, -2)
        likeness = likeness.masked_fill(closed, float("-inf"))
        targets[..., start : start + _BLOCK] = likeness.argmax(dim=-1)
    own = torch.arange(keys.shape[-2], device=keys.device).expand(chosen.shape)
    return torch.where(chosen | ~chosen.any(dim=-1, keepdim=True), own, targets)


def mean_by_target(states: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of all that have a place as their home, float32 (batch, heads, n, d), and how many there are."""
    index = targets[..., None].expand(states.shape)
    sums = torch.zeros_like(states, dtype=torch.float32).scatter_add_(-2, index, states.float())
    sizes = torch.zeros_like(targets).scatter_add_(-1, targets, torch.ones_like(targets))
    return sums / sizes.clamp(min=1)[..., None], sizes


def _replace_first(whole: Tensor, first: Tensor) -> Tensor:
    return torch.cat([first, whole[..., first.shape[-2] :, :]], dim=-2)
