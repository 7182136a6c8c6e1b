"""Models that pruned caches cannot serve, and layers whose attention presses cannot compute again, found by what their
modules do; `ctxprune.kv.model.refusals` names those of which this cannot be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.model.attention import bind_arguments, find_argument
from ctxprune.kv.model.capture import CACHE_NAMES
from ctxprune.kv.model.refusals import HINT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from ctxprune.kv.model.attention import Attention

__all__ = ["check_layer", "check_model"]

# Arguments of a call that are known, or that change nothing in attention.
_KNOWN = {"hidden_states", "attention_mask", "position_ids", "cache_position", "position_embeddings", *CACHE_NAMES}


def check_model(model: nn.Module, attentions: Sequence[Attention], layers: int) -> None:
    """Raises UsageError for a model that would read a pruned cache wrongly; `layers` is the number of its cache's."""
    if layers > max(each.layer for each in attentions) + 1:
        # HRM and Dory run the same modules several times, each time with other layers of the cache.
        raise UsageError(
            f"{type(model).__name__} cannot read pruned caches: a module fills several layers of its cache", hint=HINT
        )


def check_layer(attention: Attention, keys: Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> UsageError | None:
    """Why presses cannot compute a layer's attention again, from the call that read the context; None: they can.

    Args:
        attention: The attention module.
        keys: The keys that the call left in the cache, (batch, kv_heads, n, head_dim).
        args: Positional arguments of the call.
        kwargs: Keyword arguments of the call.

    Raises:
        UsageError: Keys are not finite, or the module rearranges heads, so that no press can serve it.
    """
    module = attention.module
    if not bool(keys[..., -2:, :].isfinite().all()):
        raise UsageError(
            "the model's keys are not finite numbers",
            where=f"layer {attention.layer}",
            hint="it overflows: load it in bfloat16 or float32",
        )
    hidden = find_argument(module, "hidden_states", args, kwargs)
    cos, sin = attention.angles(args, kwargs)
    try:
        start = max(hidden.shape[1] - 2, 0)
        found = attention.inputs(hidden[:, start:], (cos[:, start:], sin[:, start:]), start)
    except UsageError as error:
        return error
    if not found.as_cached and keys.shape[1] > 1:
        raise UsageError(
            f"{type(module).__name__} cannot read pruned caches: it rearranges the heads that it has cached",
            where=f"layer {attention.layer}",
            hint=HINT,
        )
    for name, value in bind_arguments(module, args, kwargs).items():
        if name not in _KNOWN and isinstance(value, torch.Tensor):
            return attention.unsupported(f"takes {name}, with which presses cannot compute its attention")
    try:
        attention.check(found, keys)
    except UsageError as error:
        return error
    return None
