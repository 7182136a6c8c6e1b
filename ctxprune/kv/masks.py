"""Hooks that make a model read pruned caches: masks are cut to what each layer holds, positions moved if need be.

They stay on a model as long as a pruned cache of it lives, do nothing for other caches, and are removed with the last.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.attention import argument, attentions_of, decoder_of
from ctxprune.kv.layer import PrunedLayer

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers.cache_utils import Cache

__all__ = ["attach", "pressed_layers"]

_MARK = "_ctxprune_readers"
_LOCK = threading.RLock()  # finalizers run in any thread


def attach(model: nn.Module, cache: Cache) -> None:
    """Let `model` read `cache`, for as long as the cache lives; attaching twice is attaching once.

    Raises:
        UsageError: The model has no attention that takes a cache, or computes attention without masks.
    """
    decoder = decoder_of(model)
    with _LOCK:
        if getattr(cache, _MARK, None) is decoder:
            return
        readers = decoder.__dict__.get(_MARK)
        if readers is None:
            readers = decoder.__dict__[_MARK] = _Readers(model, decoder)
        readers.users += 1
        setattr(cache, _MARK, decoder)
        weakref.finalize(cache, readers.leave).atexit = False


def pressed_layers(cache: object) -> list[PrunedLayer]:
    """The layers of a cache that hold a pressed context."""
    return [
        layer for layer in getattr(cache, "layers", ()) if isinstance(layer, PrunedLayer) and layer.kept is not None
    ]


class _Readers:
    """The hooks on one model, and how many caches need them."""

    def __init__(self, model: nn.Module, decoder: nn.Module) -> None:
        attentions = attentions_of(model)
        self.decoder = weakref.ref(decoder)
        self.users = 0
        self.handles = [
            decoder.register_forward_pre_hook(_move_positions, with_kwargs=True),
            decoder.register_forward_hook(_forget_masks, with_kwargs=True, always_call=True),
            *(each.module.register_forward_pre_hook(_cut_mask, with_kwargs=True) for each in attentions),
        ]

    def __deepcopy__(self, memo: dict[int, Any]) -> None:
        """A copy of the model starts without: its hooks came along, and do nothing for caches that it has not."""

    def leave(self) -> None:
        with _LOCK:
            self.users -= 1
            if self.users:
                return
            for handle in self.handles:
                handle.remove()
            decoder = self.decoder()
            if decoder is not None and decoder.__dict__.get(_MARK) is self:
                del decoder.__dict__[_MARK]


def _move_positions(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Before the decoder: batch and device must be the cache's; positions go back by what re-rotation closed up."""
    cache = argument(module, "cache", args, kwargs)
    layers = pressed_layers(cache)
    if not layers:
        return None
    layer, inputs = layers[0], _inputs(module, args, kwargs)
    if inputs is None:
        return None
    _check_fit(layer, inputs)
    if layer.shift is None:
        return None
    positions = argument(module, "position_ids", args, kwargs)
    if positions is None:
        start = layer.get_seq_length()
        positions = torch.arange(start, start + inputs.shape[1], device=inputs.device)[None]
    kwargs = {**kwargs, "position_ids": positions - layer.shift[:, None]}
    if args:
        kwargs = _by_keyword(module, args, kwargs)
    return (), kwargs


def _cut_mask(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Before an attention module: the mask becomes that of its own layer."""
    cache = argument(module, "cache", args, kwargs)
    layers = getattr(cache, "layers", ())
    number: int = module.layer_idx
    if number >= len(layers) or not isinstance(layers[number], PrunedLayer) or layers[number].kept is None:
        return None
    layer, mask = layers[number], argument(module, "attention_mask", args, kwargs)
    hidden = argument(module, "hidden_states", args, kwargs)
    if mask is not None and (not isinstance(mask, torch.Tensor) or mask.ndim != 4):
        raise UsageError(
            f"pruned caches cannot be read with this attention's masks ({type(mask).__name__})",
            hint="load the model with attn_implementation='sdpa' or 'eager'",
        )
    if mask is None and hidden.shape[1] > 1:
        raise UsageError(
            "pruned caches cannot be read by an attention that makes its own masks",
            hint="load the model with attn_implementation='sdpa' or 'eager'",
        )
    heads = int(module.config.num_attention_heads)
    cut = layer.mask(mask, hidden.shape[1], heads)
    layer.masked = True
    kwargs = {**kwargs, "attention_mask": cut}
    return ((), _by_keyword(module, args, kwargs)) if args else ((), kwargs)


def _forget_masks(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> None:
    """After the decoder, however it ended: the next call has to cut its masks itself."""
    for layer in pressed_layers(argument(module, "cache", args, kwargs)):
        layer.masked = False


def _by_keyword(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    import inspect

    names = list(inspect.signature(module.forward).parameters)
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _inputs(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    ids: Tensor | None = argument(module, "input_ids", args, kwargs)
    return argument(module, "inputs_embeds", args, kwargs) if ids is None else ids


def _check_fit(layer: PrunedLayer, inputs: Tensor) -> None:
    rows = layer.keys.shape[0]
    if inputs.shape[0] != rows:
        raise UsageError(
            f"the cache holds {rows} rows and the input has {inputs.shape[0]}",
            hint="cache.branch(rows) gives a cache for several questions or beams",
        )
    if inputs.device != layer.keys.device:
        raise UsageError(
            f"the cache is on {layer.keys.device} and the input on {inputs.device}", hint="cache.to(device) moves it"
        )
