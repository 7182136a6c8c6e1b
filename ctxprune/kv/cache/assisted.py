"""Assisted and prompt-lookup decoding of transformers behind a cache that holds tokens.

Its first call passes all ids, those that the cache has read included, where every other call of `generate` passes the
new ones alone (transformers 5.24). A hook in front of the decoder removes what was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.model.attention import bind_arguments, find_argument

if TYPE_CHECKING:
    from torch import nn

__all__ = ["check_new_ids", "skip_read_ids"]

# Arguments of decoders with one value for each token, by the axis of the tokens.
_BY_TOKEN = {"input_ids": 1, "inputs_embeds": 1, "position_ids": -1, "token_type_ids": -1, "mm_token_type_ids": -1}


def check_new_ids(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Before the model with its head: raises UsageError where the first call of assisted decoding has candidates alone.

    The first of them is verified by the logits of the token before it, which is to be read in the same call.
    """
    cache, wanted = find_argument(module, "cache", args, kwargs), find_argument(module, "logits_to_keep", args, kwargs)
    if not isinstance(wanted, int) or not _announced(cache):
        return
    read, given = cache.get_seq_length(), bind_arguments(module, args, kwargs)
    if read and _holds_whole_sequence(given, read) and _inputs_of(given).shape[1] - read < wanted:
        raise UsageError(
            f"the cache holds {read} tokens, and no id behind them is given",
            hint="pass the ids of the cache and at least one more",
        )


def skip_read_ids(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Before the decoder: in the first call of assisted decoding, pass only tokens that the cache has not read."""
    cache = find_argument(module, "cache", args, kwargs)
    found = _announced(cache)
    for layer in found:
        layer.announced = False
    if not found:
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


def _announced(cache: Any) -> list[PrunedLayer]:
    """The layers to which assisted decoding has announced itself since the last call, which it does before its first
    call alone; none for None and caches of other kinds."""
    layers = vars(cache).get("layers", []) if cache is not None else []
    return [layer for layer in layers if isinstance(layer, PrunedLayer) and layer.announced]


def _inputs_of(given: dict[str, Any]) -> Any:
    return given.get("input_ids") if given.get("inputs_embeds") is None else given["inputs_embeds"]


def _holds_whole_sequence(given: dict[str, Any], read: int) -> bool:
    """Whether the inputs of a call start with the first token of the sequence, of which `read` tokens are cached.

    Decoding that announces itself in the same way may pass the new tokens alone (`Drafts`). A mask covers all tokens,
    cached and new: it is as long as the inputs only where these are all of them.
    """
    inputs = _inputs_of(given)
    if inputs is None or inputs.shape[1] <= read:
        return False
    mask, positions = given.get("attention_mask"), given.get("position_ids")
    if isinstance(mask, torch.Tensor) and mask.ndim == 2:
        return bool(mask.shape[1] == inputs.shape[1])
    # Without a mask there is no padding, so that positions count from 0.
    return mask is None and isinstance(positions, torch.Tensor) and not bool(positions[..., 0].any())
