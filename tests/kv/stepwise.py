"""Caches that are pressed in steps, beside the whole cache with the same tokens masked in every layer and call."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import torch
from kv.models import masked
from transformers import DynamicCache

from ctxprune.kv import (
    AdaKV,
    ChunkKV,
    KeyDiff,
    Knorm,
    LagKV,
    ObservedAttention,
    PrunedCache,
    PyramidKV,
    Random,
    SnapKV,
    StreamingLLM,
    Tova,
)
from ctxprune.kv.model.attention import attentions_of, find_argument
from ctxprune.kv.wrappers.wrapper import Wrapper

PRESSES = {
    "streaming_llm": StreamingLLM(0.6),
    "knorm": Knorm(0.6),
    "keydiff": KeyDiff(0.6),
    "lagkv": LagKV(0.6, lag=6),
    "tova": Tova(0.6),
    "snapkv": SnapKV(0.6, window=4),
    "pyramidkv": PyramidKV(0.6, window=4),
    "observed_attention": ObservedAttention(0.6),
    "random": Random(0.6),
    "adakv": AdaKV(SnapKV(0.6, window=4)),
    "adakv_observed": AdaKV(ObservedAttention(0.6)),
    "chunkkv": ChunkKV(SnapKV(0.6, window=4), chunk=5),
}


def _without_ratio(press):
    if isinstance(press, Wrapper):
        return replace(press, press=_without_ratio(press.press))
    return replace(press, ratio=0.5)


# `Decoding` has the budget: presses with one of their own are for chunks only, and ratios are not given.
DECODING = {name: _without_ratio(press) for name, press in PRESSES.items() if name != "pyramidkv"}


def visible(layer):
    """The columns that a layer holds, bool (batch, kv_heads, tokens read)."""
    batch, heads, tail, _ = layer.keys.shape
    mask = torch.zeros(batch, heads, layer.get_seq_length(), dtype=torch.bool)
    mask[..., layer.get_seq_length() - tail :] = True
    if layer.kept is not None:
        counts, columns = layer.kept.counts, layer.kept.counts.padded(layer.kept.columns).long()
        for row in range(batch):
            for head in range(heads):
                mask[row, head, columns[row, head, : counts.each[row, head]]] = True
    return mask


@contextmanager
def recording(model, cache):
    """Yields a list; each call that reads into the cache appends what each layer holds when its attention begins."""
    calls, first = [], attentions_of(model)[0].layer

    def look(module, args, kwargs):
        if find_argument(module, "cache", args, kwargs) is not cache:
            return
        if module.layer_idx == first:
            calls.append({})
        if module.layer_idx >= len(cache.layers):  # it shares the keys of another layer
            return
        layer = cache.layers[module.layer_idx]
        if hasattr(layer, "kept") and layer.is_initialized:
            calls[-1][module.layer_idx] = visible(layer)

    handles = [each.module.register_forward_pre_hook(look, with_kwargs=True) for each in attentions_of(model)]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


@torch.no_grad()
def difference(model, session, parts, mask=None, hide=masked):
    """The greatest difference of logits from the whole cache with the same tokens masked, over all calls, in parts of
    the greatest logit where that is above 1.

    `parts` are ids, or how many of the last tokens to crop; `hide(model, visible)` masks tokens.
    """
    ours, whole, greatest, seen = PrunedCache(model), DynamicCache(config=model.config), 0.0, 0
    session.begin(ours)
    for part in parts:
        if isinstance(part, int):
            ours.crop(-part)
            whole.crop(-part)
            seen -= part
            continue
        seen += part.shape[1]
        given = {}
        if mask is not None:
            given = {"attention_mask": mask[:, :seen]}
            given["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)[:, seen - part.shape[1] : seen]
        with recording(model, ours) as calls:
            found = model(part, cache=ours, **given).logits
        with hide(model, calls[-1]):
            expected = model(part, cache=whole, **given).logits
        real = torch.ones_like(part, dtype=torch.bool) if mask is None else given["attention_mask"][:, -part.shape[1] :]
        apart = float((found - expected)[real.bool()].abs().max())
        greatest = max(greatest, apart / max(float(expected[real.bool()].abs().max()), 1.0))
    return greatest


def most_tokens(cache):
    """Tokens of a head, kept and read since, on average over heads, in the layer and row with most."""
    counts = [
        layer.keys.shape[-2] + (0 if layer.kept is None else float(layer.kept.counts.each.float().mean(dim=1).max()))
        for layer in cache.layers
        if hasattr(layer, "kept")
    ]
    return max(counts)
