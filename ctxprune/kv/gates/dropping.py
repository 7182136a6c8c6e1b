"""Hard gates during generation: tokens that they close are removed from the cache."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

from ctxprune.errors import UsageError
from ctxprune.kv.gates.forward import check_masks
from ctxprune.kv.gates.layer import GatedLayer
from ctxprune.kv.model.attention import attentions_of, bind_arguments, cache_argument_name, decoder_of, find_argument
from ctxprune.kv.model.hooks import Hooks
from ctxprune.kv.model.inputs import check_left_padding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn
    from transformers.cache_utils import Cache

    from ctxprune.kv.gates.gates import Gates

__all__ = ["dropping", "gated_bytes", "gated_cache"]


@contextmanager
def dropping(model: nn.Module, gates: Gates) -> Iterator[None]:
    """A context manager within which `model` attends through hard gates, and its caches hold only tokens that are open.

    `model.generate` works inside without changes. The output equals a forward pass over the whole text with hard gates
    (`GatedForward` with alpha infinity). Each row of a batch drops its own tokens, and padding must be on the left;
    each layer's storage is as long as its longest row. A cache that was filled here can be used only inside.

    Args:
        model: A decoder of transformers, with sdpa or eager attention; sliding-window layers have no gates.
        gates: Its gates.

    Raises:
        UsageError: The gates do not fit, attention is computed without masks, or, in a call: the cache holds tokens
            that were read without gates, is of another kind or missing, or padding is on the right.
    """
    gates.check(model)
    check_masks(model)
    decoder, gating = decoder_of(model), _GateHooks(model, gates)
    with Hooks() as hooks:
        hooks.before(decoder, gating.begin_call)
        hooks.after(decoder, gating.end_call, always=True)
        for each in attentions_of(model):
            if each.layer in gates.layers:
                hooks.before(each.module, gating.apply_gate)
        yield


def gated_cache(model: nn.Module, gates: Gates) -> DynamicCache:
    """An empty cache to pass to calls within `dropping`, for callers that want to inspect it."""
    cache = DynamicCache(config=model.config)
    _prepare(cache, gates)
    return cache


def gated_bytes(cache: Cache) -> int:
    """Bytes of the storages of all tensors in gated layers: keys, values, columns, key parts of the gates."""
    held = [each for layer in cache.layers if isinstance(layer, GatedLayer) for each in layer.tensors().values()]
    return sum({each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in held}.values())


class _GateHooks:
    def __init__(self, model: nn.Module, gates: Gates) -> None:
        self.model, self.gates = model, gates

    def begin_call(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        mask = find_argument(module, "attention_mask", args, kwargs)
        # The last token of every row must be the newest one: gates act from it on all earlier tokens.
        if isinstance(mask, torch.Tensor) and mask.ndim == 2:
            check_left_padding(mask)
        cache = find_argument(module, "cache", args, kwargs)
        if cache is not None:
            _prepare(cache, self.gates)
            return None
        made = gated_cache(self.model, self.gates)
        return (), {**bind_arguments(module, args, kwargs), cache_argument_name(module): made}

    def apply_gate(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        number: int = module.layer_idx
        cache = find_argument(module, "cache", args, kwargs)
        mask = find_argument(module, "attention_mask", args, kwargs)
        if mask is not None and (not isinstance(mask, torch.Tensor) or mask.ndim != 4):
            raise UsageError(
                f"gates cannot act in this attention's masks ({type(mask).__name__})",
                hint="load the model with attn_implementation='sdpa' or 'eager'",
            )
        hidden = find_argument(module, "hidden_states", args, kwargs)
        layer: GatedLayer = cache.layers[number]
        gated = layer.gate(self.gates[number], hidden, mask)
        return (), {**bind_arguments(module, args, kwargs), "attention_mask": gated}

    def end_call(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> None:
        cache = find_argument(module, "cache", args, kwargs)
        for layer in cache.layers if isinstance(cache, DynamicCache) else ():
            if isinstance(layer, GatedLayer):
                layer.discard_step()


def _prepare(cache: Cache, gates: Gates) -> None:
    """Replace the layers of an empty dynamic cache by gated ones; a gated cache is not changed."""
    if not isinstance(cache, DynamicCache) or cache.offloading:
        raise UsageError(f"a {type(cache).__name__} cannot be gated", hint="pass no cache or an empty DynamicCache")
    for number in range(max(gates.layers) + 1 - len(cache.layers)):
        # The cache was made without a configuration.
        cache.layers.append(GatedLayer() if number in gates.layers else DynamicLayer())
    for number in gates.layers:
        layer = cache.layers[number]
        if isinstance(layer, GatedLayer):
            continue
        if type(layer) is not DynamicLayer or layer.get_seq_length():
            raise UsageError(
                "the cache holds tokens that were read without gates", hint="begin with an empty cache within dropping"
            )
        cache.layers[number] = GatedLayer()
