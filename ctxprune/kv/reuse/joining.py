"""Caches of passages that were computed separately, joined into the cache of one sequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.cache.pruned_cache import PrunedCache
from ctxprune.kv.cache.store import Counts, KeptTokens, Plain, column_type
from ctxprune.kv.model.attention import attentions_of
from ctxprune.kv.model.inputs import as_row
from ctxprune.kv.model.rotary import Rotary
from ctxprune.kv.reuse.passage_store import whole_cache
from ctxprune.kv.reuse.recompute import recompute_tokens
from ctxprune.utils.validation import is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.kv.reuse.passage_store import PassageStore

__all__ = ["join", "join_pressed"]


@torch.no_grad()  # type: ignore[untyped-decorator]
def join(
    store: PassageStore,
    prefix: Tensor | Sequence[int],
    passages: Sequence[Tensor | Sequence[int]],
    *,
    recompute: float = 0.15,
) -> PrunedCache:
    """The cache of a prefix followed by passages, from the caches of each.

    Keys are rotated from the positions where a passage was read to its positions in the sequence. Attention between
    passages is missing; a share of the tokens is computed again to restore it (Yao et al., "CacheBlend",
    arXiv:2405.16444: the tokens whose values in the second layer change most; the first two layers are computed for
    all). Pass prefix, passages and question as one sequence to `model.generate(ids, cache=cache)`.

    Args:
        store: Caches of passages without a press; missing ones are computed.
        prefix: Token ids of the text before the passages, (n,) or (1, n), exact in any case; may be empty.
        passages: Token ids of each passage, in order, at least one.
        recompute: Share of tokens to compute again, 0..1: 0 only joins, 1 is a full prefill.

    Raises:
        UsageError: `recompute` is out of range, there is no passage, ids have another shape, or the store presses.
        FormatError: As `PassageStore.get`; InputError likewise.
    """
    if not is_number(recompute) or not 0 <= recompute <= 1:
        raise UsageError(f"recompute is {recompute!r}", hint="the share of tokens to compute again, 0 to 1")
    if store.press is not None:
        raise UsageError("this store holds pressed passages", hint="join_pressed(store, prefix, passages)")
    parts = _collect_parts(store, prefix, passages)
    by = _position_shifts(parts)[None, None]
    rotary = Rotary(store.model)
    pairs = []
    for attention in attentions_of(store.model):
        layers = [part.cache.layers[attention.layer] for part in parts]
        keys = rotary.turn(attention, torch.cat([layer.keys for layer in layers], dim=-2), by)
        pairs.append((keys, torch.cat([layer.values for layer in layers], dim=-2)))
    # The prefix is exact: nothing stands before it that it could have attended to.
    first = 0 if _is_empty(prefix) else parts[0].ids.shape[1]
    if recompute:
        recompute_tokens(store.model, pairs, torch.cat([part.ids for part in parts], dim=1), first, recompute)
    cache = whole_cache(store.model, pairs)
    cache.press = {"joined": len(passages), "recompute": recompute}
    return cache


@torch.no_grad()  # type: ignore[untyped-decorator]
def join_pressed(
    store: PassageStore, prefix: Tensor | Sequence[int], passages: Sequence[Tensor | Sequence[int]]
) -> PrunedCache:
    """As `join` without computing anything again, for a store with a press: the kept tokens of each passage, joined.

    The prefix is not pressed. Heads may keep different counts.

    Raises:
        UsageError: The store has no press, there is no passage, or ids have another shape.
        FormatError: As `PassageStore.get`; InputError likewise.
    """
    if store.press is None:
        raise UsageError("this store holds whole passages", hint="join(store, prefix, passages)")
    parts = _collect_parts(store, prefix, passages)
    moves = _position_shifts(parts)
    rotary = Rotary(store.model)
    cache = PrunedCache(store.model)
    for attention in attentions_of(store.model):
        layers = [part.cache.layers[attention.layer] for part in parts]
        heads = layers[0].keys.shape[1]
        keys, values, owners, columns = (torch.cat(each) for each in zip(*map(_flatten_layer, layers), strict=True))
        starts, _ = _part_starts(parts)
        # Columns count all tokens of the joined sequence, dropped ones included, as masks and positions do.
        columns = columns + starts.repeat_interleave(_held_counts(layers, starts))
        turned = rotary.turn(attention, keys[None, None], moves[columns][None, None])[0, 0]
        # Parts come in order, so columns ascend in each head.
        order = owners.argsort(stable=True)
        counts = Counts.of(torch.bincount(owners, minlength=heads)[None])
        layer = PrunedLayer.holding(
            keys.new_zeros(1, heads, 0, keys.shape[-1]), values.new_zeros(1, heads, 0, values.shape[-1])
        )
        layer.pressed = len(moves)
        columns = columns[order].to(column_type(len(moves)))
        layer.kept = KeptTokens(Plain(turned[order]), Plain(values[order]), counts, columns)
        cache.layers[attention.layer] = layer
    cache.press = {"joined": len(passages), **store.press.describe()}
    return cache


@dataclass(frozen=True)
class _Part:
    """A part to join: token ids (1, n), their cache, and the position at which the first one was read."""

    ids: Tensor
    cache: PrunedCache
    read_at: int


def _collect_parts(
    store: PassageStore, prefix: Tensor | Sequence[int], passages: Sequence[Tensor | Sequence[int]]
) -> list[_Part]:
    if not len(passages):
        raise UsageError("there is no passage to join", hint="give the ids of one at least")
    device = store.lead.device
    rows = [as_row(each, device) for each in passages]
    parts = [_Part(row, store.get(row), store.lead.shape[1]) for row in rows]
    if _is_empty(prefix):
        return parts
    head = as_row(prefix, device)
    return [_Part(head, store.prefix(head), 0), *parts]


def _is_empty(prefix: Tensor | Sequence[int]) -> bool:
    return not (prefix.numel() if isinstance(prefix, torch.Tensor) else len(prefix))


def _part_starts(parts: list[_Part]) -> tuple[Tensor, Tensor]:
    """The start of each part in the sequence, and its length, long (parts,)."""
    lengths = torch.tensor([part.ids.shape[1] for part in parts], device=parts[0].ids.device)
    return lengths.cumsum(dim=0) - lengths, lengths


def _position_shifts(parts: list[_Part]) -> Tensor:
    """The distance by which each token moves from the position where it was read, long (n,)."""
    starts, lengths = _part_starts(parts)
    read_at = torch.tensor([part.read_at for part in parts], device=starts.device)
    return (starts - read_at).repeat_interleave(lengths)


def _flatten_layer(layer: PrunedLayer) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Keys, values, heads and columns of one part's layer, one row per token and head, ordered by head."""
    kept = layer.kept
    if kept is not None:
        keys, values = kept.keys.unpack(kept.counts), kept.values.unpack(kept.counts)
        return keys, values, kept.counts.owners(), kept.columns.long()
    _, heads, count, _ = layer.keys.shape
    places = torch.arange(count, device=layer.keys.device).repeat(heads)
    owners = torch.arange(heads, device=layer.keys.device).repeat_interleave(count)
    return layer.keys[0].flatten(0, 1), layer.values[0].flatten(0, 1), owners, places


def _held_counts(layers: list[PrunedLayer], like: Tensor) -> Tensor:
    sizes = [layer.keys[0, :, :, 0].numel() if layer.kept is None else layer.kept.counts.total for layer in layers]
    return torch.tensor(sizes, device=like.device)
