"""Merging: dropped tokens are averaged into the most similar kept token."""

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

_BLOCK = 512  # dropped tokens to compare at a time: bounds the memory of (block, tokens) similarities


@dataclass(frozen=True)
class Merge(Wrapper):
    """Merges each dropped token of the context into the kept token of its head with the most similar key; ties go to
    the earlier one. A baseline after "Which Tokens to Use? Investigating Token Reduction in Vision Transformers"
    (Haurum et al., arXiv:2308.04657) and token merging (Bolya et al., "Token Merging", arXiv:2210.09461).

    Similarity is the cosine of keys before the rotary embedding, so that it does not depend on positions. A kept token
    becomes the mean of itself and all tokens merged into it, with equal weights: values directly, keys before the
    rotary embedding, and then rotated to the kept token's position. Tokens into which nothing is merged do not change
    by a bit. A merged token gets the attention of one token.
    """

    edits: ClassVar[bool] = True

    def edit(self, view: LayerView, plan: Plan) -> Plan:
        """The inner press's plan with merged keys and values."""
        plan = super().edit(view, plan)
        chosen = plan.chosen[..., : view.tokens]
        if bool(chosen.all()):
            return plan
        n = view.tokens
        raw = view.raw_inputs(0, n).keys
        targets = nearest_kept(raw, chosen)
        values = view.values if plan.values is None else plan.values
        keys = view.keys if plan.keys is None else plan.keys
        merged, sizes = mean_by_target(raw, targets)
        turned = view.attention.turn(merged.to(raw.dtype), view.cos[:, :n], view.sin[:, :n])
        # Kept keys that absorb nothing are not recomputed: rounding would change them.
        grown = (sizes > 1)[..., None]
        mean_values = mean_by_target(values[..., :n, :], targets)[0].to(values.dtype)
        return replace(
            plan,
            keys=_replace_first(keys, torch.where(grown, turned, keys[..., :n, :])),
            values=_replace_first(values, torch.where(grown, mean_values, values[..., :n, :])),
        )


def nearest_kept(keys: Tensor, chosen: Tensor) -> Tensor:
    """For each token the index of the most similar chosen token of its head, its own if chosen: long (batch, heads, n).

    In a head that keeps none, each token's own index.
    """
    directions = normalize(keys.float(), dim=-1)
    targets = torch.arange(keys.shape[-2], device=keys.device).expand(chosen.shape).clone()
    closed = ~chosen[..., None, :]
    for start in range(0, keys.shape[-2], _BLOCK):
        similarity = directions[..., start : start + _BLOCK, :] @ directions.transpose(-1, -2)
        similarity = similarity.masked_fill(closed, float("-inf"))
        targets[..., start : start + _BLOCK] = similarity.argmax(dim=-1)
    own = torch.arange(keys.shape[-2], device=keys.device).expand(chosen.shape)
    return torch.where(chosen | ~chosen.any(dim=-1, keepdim=True), own, targets)


def mean_by_target(states: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of all states with the same target, float32 (batch, heads, n, d), and their number."""
    index = targets[..., None].expand(states.shape)
    sums = torch.zeros_like(states, dtype=torch.float32).scatter_add_(-2, index, states.float())
    sizes = torch.zeros_like(targets).scatter_add_(-1, targets, torch.ones_like(targets))
    return sums / sizes.clamp(min=1)[..., None], sizes


def _replace_first(whole: Tensor, first: Tensor) -> Tensor:
    return torch.cat([first, whole[..., first.shape[-2] :, :]], dim=-2)
