"""The last steps of a press, once for the whole cache: the question's tokens, positions, storage."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.masks import pressed_layers
from ctxprune.kv.cache.rotary import Rotary
from ctxprune.kv.cache.store import Plain
from ctxprune.kv.reading.attention import attentions_of

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.kv.cache.layer import PrunedLayer
    from ctxprune.kv.cache.store import Counts, Storage
    from ctxprune.kv.presses.base import Press
    from ctxprune.kv.reading.prefilled import Prefilled

__all__ = ["check_positions", "finish"]

_POSITIONS = ("original", "rerotated")


def check_positions(positions: str, model: nn.Module) -> None:
    """Raises UsageError unless `positions` is one of the two ways, and the model allows it."""
    if positions not in _POSITIONS:
        raise UsageError(f"positions is {positions!r}", hint=f"one of {', '.join(_POSITIONS)}")
    if positions == "rerotated":
        Rotary(model)


def finish(prefilled: Prefilled, press: Press, *, positions: str, storage: Storage | None) -> None:
    """Move the positions together if asked for, and pack what was kept."""
    cache = prefilled.cache
    if positions == "rerotated":
        _rerotate(prefilled)
    if storage is not None:
        for layer in pressed_layers(cache):
            _pack(layer, storage)
    cache.press = press.describe()
    press.finished(cache)


def _pack(layer: PrunedLayer, storage: Storage) -> None:
    kept = layer.kept
    if kept is None or not isinstance(kept.keys, Plain) or not isinstance(kept.values, Plain):
        raise UsageError(
            "what this press leaves cannot be packed", hint="ThinK stores fewer channels: use one of the two"
        )
    keys, values = storage.pack(kept.keys.flat, kept.values.flat, kept.counts)
    layer.kept = replace(kept, keys=keys, values=values)


def _rerotate(prefilled: Prefilled) -> None:
    """Give each head's kept tokens the positions right before the next token, which comes after the longest head.

    Tokens of all heads stand next to what follows; shorter heads begin later.
    """
    layers = pressed_layers(prefilled.cache)
    longest = torch.stack([_kept(layer).each.amax(dim=1) for layer in layers]).amax(dim=0).long()  # (batch,)
    old, following = _old_positions(prefilled, len(longest), layers[0])
    rotary = Rotary(prefilled.model)
    by_layer = {attention.layer: attention for attention in attentions_of(prefilled.model)}
    shift = following - longest
    for number, layer in enumerate(prefilled.cache.layers):
        if layer not in layers:
            continue
        kept = layer.kept
        if not isinstance(kept.keys, Plain):
            raise UsageError(
                "keys with fewer channels cannot be turned to other positions", hint="use positions='original'"
            )
        counts: Counts = kept.counts
        keys, _ = kept.read()
        columns = counts.padded(kept.columns).long()
        start = (longest[:, None] - counts.each)[..., None]
        new = start + torch.arange(counts.longest, device=keys.device)
        before = old[:, None].expand(-1, columns.shape[1], -1).gather(-1, columns)
        turned = rotary.turn(by_layer[number], keys, new - before)
        real = counts.real()
        flat = turned.flatten(0, 2) if real is None else turned[real]
        layer.kept = replace(kept, keys=Plain(flat))
        layer.shift = shift


def _kept(layer: PrunedLayer) -> Counts:
    if layer.kept is None:
        raise UsageError("the layer was not pressed", hint="press it first")
    return layer.kept.counts


def _old_positions(prefilled: Prefilled, rows: int, layer: PrunedLayer) -> tuple[Tensor, Tensor]:
    """Positions of the columns read, (batch, n), and the position of the token after them, (batch,)."""
    n, device = layer.pressed, layer.keys.device
    old = prefilled.positions
    old = torch.arange(n, device=device)[None] if old is None else old.to(device)
    old = old[:, :n].expand(rows, -1)  # the question's tokens are read again behind them
    if prefilled.real is None:
        return old, old[:, -1] + 1
    return old, old.masked_fill(~prefilled.real[:, :n], -1).amax(dim=1) + 1
