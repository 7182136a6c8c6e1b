"""Positions of kept tokens: as they were, or moved together so that no gaps are left between them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.masks import pressed_layers
from ctxprune.kv.cache.store import Plain
from ctxprune.kv.model.attention import attentions_of
from ctxprune.kv.model.rotary import Rotary

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers.cache_utils import Cache

    from ctxprune.kv.cache.layer import PrunedLayer
    from ctxprune.kv.cache.store import Counts
    from ctxprune.kv.model.attention import Attention

__all__ = ["check_positions", "close_gaps", "turn_together"]

_POSITIONS = ("original", "rerotated")


def check_positions(positions: str, model: nn.Module) -> None:
    """Raises UsageError unless `positions` is "original" or "rerotated", and the model supports it."""
    if positions not in _POSITIONS:
        raise UsageError(f"positions is {positions!r}", hint=f"one of {', '.join(_POSITIONS)}")
    if positions == "rerotated":
        Rotary(model)


def close_gaps(model: nn.Module, cache: Cache, positions: Tensor | None, real: Tensor | None) -> None:
    """Give each head's kept tokens consecutive positions that end right before the next token, by rotating their keys.

    The head that keeps most starts at 0; heads that keep fewer start later, so that the last kept token of every head
    is next to the token that follows.

    Args:
        model: The model that read the context.
        cache: Its pressed cache, changed in place.
        positions: Positions of the tokens read, (batch or 1, n); None: 0 to n - 1.
        real: False for padding, bool (batch, n); None where there is none.

    Raises:
        UsageError: The model's rotary embedding does not allow it, or keys were thinned.
    """
    layers = pressed_layers(cache)
    longest = torch.stack([_counts_of(layer).each.amax(dim=1) for layer in layers]).amax(dim=0).long()  # (batch,)
    old, following = _old_positions(layers[0], positions, real, len(longest))
    rotary = Rotary(model)
    by_layer = {attention.layer: attention for attention in attentions_of(model)}
    shift = following - longest
    for number, layer in enumerate(cache.layers):
        if layer not in layers:
            continue
        kept = layer.kept
        if not isinstance(kept.keys, Plain):
            raise UsageError(
                "keys with fewer channels cannot be rotated to other positions", hint="use positions='original'"
            )
        counts: Counts = kept.counts
        keys, _ = kept.read()
        columns = counts.padded(kept.columns).long()
        # Heads keep different counts, but the next token has one position: heads are aligned at their ends.
        start = (longest[:, None] - counts.each)[..., None]
        new = start + torch.arange(counts.longest, device=keys.device)
        before = old[:, None].expand(-1, columns.shape[1], -1).gather(-1, columns)
        # Rotations compose: turning by the difference is enough, and the original position need not be undone.
        turned = rotary.turn(by_layer[number], keys, new - before)
        in_use = counts.real()
        flat = turned.flatten(0, 2) if in_use is None else turned[in_use]
        layer.kept = replace(kept, keys=Plain(flat))
        layer.shift = shift


def turn_together(rotary: Rotary, attention: Attention, keys: Tensor, chosen: Tensor, real: Tensor | None) -> Tensor:
    """Keys (batch, kv_heads, n, head_dim) of tokens at consecutive positions, turned so that the chosen ones among them
    are at consecutive positions from the same first one on; those of others are arbitrary.

    Args:
        rotary: The model's rotary embedding.
        attention: The layer's attention module.
        keys: The keys.
        chosen: bool (batch, kv_heads, n), equally many in all heads of a row.
        real: False for slots that hold no token, bool of that shape; None: all do.

    Raises:
        UsageError: Heads of a row keep different counts.
    """
    counts = chosen.sum(dim=-1)
    if bool((counts != counts[:, :1]).any()):
        raise UsageError(
            "heads keep different counts, and cannot be rotated to the same next position at each press",
            hint="use positions='original', or a press that keeps the same number in every head",
        )
    old = torch.arange(keys.shape[-2], device=keys.device).expand(chosen.shape)
    old = old if real is None else real.cumsum(dim=-1) - 1
    return rotary.turn(attention, keys, (chosen.cumsum(dim=-1) - 1 - old).clamp(max=0))


def _counts_of(layer: PrunedLayer) -> Counts:
    if layer.kept is None:
        raise UsageError("the layer was not pressed", hint="press it first")
    return layer.kept.counts


def _old_positions(
    layer: PrunedLayer, positions: Tensor | None, real: Tensor | None, rows: int
) -> tuple[Tensor, Tensor]:
    """Positions of the columns read, (batch, n), and the position of the token after them, (batch,)."""
    n, device = layer.pressed, layer.keys.device
    old = torch.arange(n, device=device)[None] if positions is None else positions.to(device)
    # Without the question, which is read again behind the cache.
    old = old[:, :n].expand(rows, -1)
    if real is None:
        return old, old[:, -1] + 1
    return old, old.masked_fill(~real[:, :n], -1).amax(dim=1) + 1
