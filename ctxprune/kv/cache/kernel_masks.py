"""Masks of attention kernels that take no dense mask, cut to the tokens that a pressed layer holds.

flex attention computes its mask from indices: the cut mask maps each held token to its column in the sequence read, so
that heads may keep different counts. FlashAttention knows only lengths and the order of tokens: all kept tokens come
before all new ones, so that its causal mask, which is aligned at the end, is right without any cut, but heads that keep
different counts cannot be told apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.attention.flex_attention import BlockMask, create_block_mask

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.kv.cache.layer import PrunedLayer

__all__ = ["cut_by_kernel", "held_columns"]

_BLOCK = 128  # kernels read whole blocks of keys


def _kernel_of(module: nn.Module) -> str:
    """The attention implementation that a module's configuration names, for instance "sdpa"; "" for none."""
    return str(optional_member(optional_member(module, "config"), "_attn_implementation", "") or "")


def held_columns(layer: PrunedLayer, new: int, heads: int) -> tuple[Tensor, Tensor | None]:
    """Columns of the tokens that attention gets, long (batch, heads, held), and which of them are tokens (None: all).

    Args:
        layer: A pressed layer.
        new: How many tokens are read in this call.
        heads: Query heads of the layer.
    """
    if layer.kept is None:
        raise UsageError("the layer was not pressed", hint="press it first")
    counts = layer.kept.counts
    kept, real = counts.padded(layer.kept.columns).long(), counts.real()
    tail = torch.arange(layer.pressed, layer.get_seq_length() + new, device=kept.device)
    group = heads // kept.shape[1]
    columns = torch.cat([kept, tail.expand(*kept.shape[:2], -1)], dim=-1).repeat_interleave(group, dim=1)
    if real is None:
        return columns, None
    return columns, torch.nn.functional.pad(real, (0, len(tail)), value=True).repeat_interleave(group, dim=1)


def _cut_block_mask(layer: PrunedLayer, mask: BlockMask | None, queries: int, heads: int) -> BlockMask | None:
    """A block mask over all tokens read, cut to those that are held; None: every query attends to every token read."""
    columns, real = held_columns(layer, queries, heads)
    rows, _, held = columns.shape
    if mask is None and real is None:
        return None
    see = None if mask is None else mask.mask_mod
    blocks = -held % _BLOCK
    columns = torch.nn.functional.pad(columns, (0, blocks))
    inside = torch.ones(rows, heads, held, dtype=torch.bool, device=columns.device) if real is None else real
    inside = torch.nn.functional.pad(inside, (0, blocks), value=False)

    def see_held(row: Tensor, head: Tensor, query: Tensor, place: Tensor) -> Tensor:
        own = inside[row, head, place]
        return own if see is None else own & see(row, head, query, columns[row, head, place])

    return create_block_mask(see_held, rows, heads, queries, held, device=columns.device)


def _cut_flash_mask(layer: PrunedLayer, mask: Tensor | None) -> Tensor | None:
    """A mask of rows, (batch, tokens read and new), cut to the tokens that are held; None where there is no padding.

    Raises:
        UsageError: Heads or rows keep different counts.
    """
    if layer.kept is None or not layer.kept.counts.even:
        raise UsageError(
            "heads or rows keep different counts, which FlashAttention cannot mask",
            hint="load the model with attn_implementation='sdpa' or 'flex_attention', or use a press that keeps the "
            "same count everywhere, on rows of one length",
        )
    if mask is None:
        return None
    # Padding is never kept: every kept token counts.
    kept = mask.new_ones(len(mask), layer.kept.counts.longest)
    cut = torch.cat([kept, mask[:, layer.pressed :]], dim=1)
    return None if bool(cut.all()) else cut


def cut_by_kernel(layer: PrunedLayer, module: nn.Module, mask: Any, queries: int, heads: int) -> Any:
    """The cut mask of whatever kernel a module uses.

    Raises:
        UsageError: The kernel makes its own masks, or cannot tell apart heads that keep different counts.
    """
    kernel = _kernel_of(module)
    if kernel == "flex_attention" and (mask is None or isinstance(mask, BlockMask)):
        return _cut_block_mask(layer, mask, queries, heads)
    if kernel.startswith("flash_attention") and (mask is None or mask.ndim == 2):
        return _cut_flash_mask(layer, mask)
    if mask is not None and (not isinstance(mask, torch.Tensor) or mask.ndim != 4):
        raise UsageError(
            f"pruned caches cannot be read with this attention's masks ({type(mask).__name__})", hint=_HINT
        )
    # Without a mask several new tokens would need a causal one, which such attention makes over all tokens read.
    if mask is None and queries > 1:
        raise UsageError("pruned caches cannot be read by an attention that makes its own masks", hint=_HINT)
    return layer.mask(mask, queries, heads)


_HINT = "load the model with attn_implementation='sdpa', 'eager', 'flex_attention' or 'flash_attention_2'"
