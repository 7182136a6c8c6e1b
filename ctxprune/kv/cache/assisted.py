"""Assisted and prompt-lookup decoding of transformers behind a cache that holds tokens.

Its first call passes all ids, those that the cache has read included, where every other call of `generate` passes the
new ones alone (transformers 5.24). A hook in front of the decoder removes what was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.model.attention import bind_arguments, find_argument

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

__all__ = ["skip_read_ids"]

# Arguments of decoders with one value for each token, by the axis of the tokens.
_BY_TOKEN = {"input_ids": 1, "inputs_embeds": 1, "position_ids": -1, "token_type_ids": -1, "mm_token_type_ids": -1}


def skip_read_ids(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Before the decoder: in the first call of assisted decoding, pass only tokens that the cache has not read."""
    cache = find_argument(module, "cache", args, kwargs)
    if not _take_notice(_layers_of(cache)):
        return None
    read, given = cache.get_seq_length(), bind_arguments(module, args, kwargs)
    if not read or not _holds_whole_sequence(given, read):
        return None
    return (), {
        name: value.narrow(axis, read, value.shape[axis] - read)
        if (axis := _BY_TOKEN.get(name)) is not None and isinstance(value, torch.Tensor)
        else value
        for name, value in given.items()
    }


def _layers_of(cache: Any) -> list[Any]:
    """The layers of a cache of any kind; none for None."""
    layers: list[Any] = vars(cache).get("layers", []) if cache is not None else []
    return layers


def _take_notice(layers: Iterable[Any]) -> bool:
    """Whether assisted decoding has announced itself since the last call; it does so once, before its first call."""
    found = [layer for layer in layers if isinstance(layer, PrunedLayer) and layer.announced]
    for layer in found:
        layer.announced = False
    return bool(found)


def _holds_whole_sequence(given: dict[str, Any], read: int) -> bool:
    """Whether the inputs of a call start with the first token of the sequence, of which `read` tokens are cached.

    Decoding that announces itself in the same way may pass the new tokens alone (`Drafts`). A mask covers all tokens,
    cached and new: it is as long as the inputs only where these are all of them.
    """
    inputs = given.get("input_ids") if given.get("inputs_embeds") is None else given["inputs_embeds"]
    if inputs is None or inputs.shape[1] <= read:
        return False
    mask, positions = given.get("attention_mask"), given.get("position_ids")
    if isinstance(mask, torch.Tensor) and mask.ndim == 2:
        return bool(mask.shape[1] == inputs.shape[1])
    # Without a mask there is no padding, so that positions count from 0.
    return mask is None and isinstance(positions, torch.Tensor) and not bool(positions[..., 0].any())
