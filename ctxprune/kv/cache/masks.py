"""Hooks that make a model read pruned caches: masks are cut to what each layer holds, positions moved if need be.

They stay on a model as long as a pruned cache of it lives, do nothing for other caches, and are removed with the last.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicCache

from ctxprune.errors import UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.model.attention import attentions_of, bind_arguments, cache_layer_of, decoder_of, find_argument
from ctxprune.kv.model.hooks import Hooks

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers.cache_utils import Cache

__all__ = ["attach", "attached_decoder", "pressed_layers"]

_HOOKS, _LEASE = "_ctxprune_readers", "_ctxprune_lease"
_LOCK = threading.RLock()  # finalizers run in any thread


def attach(model: nn.Module, cache: Cache) -> None:
    """Let `model` read `cache`, for as long as the cache lives; attaching twice is attaching once.

    Raises:
        UsageError: The model has no attention that takes a cache, or computes attention without masks.
    """
    decoder = decoder_of(model)
    with _LOCK:
        if attached_decoder(cache) is decoder:
            return
        readers = decoder.__dict__.get(_HOOKS)
        if readers is None:
            readers = decoder.__dict__[_HOOKS] = _ModelHooks(model, decoder)
        setattr(cache, _LEASE, _Lease(decoder, readers))


def attached_decoder(cache: object) -> nn.Module | None:
    """The decoder that a cache was attached to last; None: to none."""
    lease = vars(cache).get(_LEASE)
    return None if lease is None else lease.decoder


def pressed_layers(cache: object) -> list[PrunedLayer]:
    """The layers of a cache that hold a pressed context."""
    # Only dynamic caches are ever prepared for pressing; other kinds need not have layers at all.
    if not isinstance(cache, DynamicCache):
        return []
    return [layer for layer in cache.layers if isinstance(layer, PrunedLayer) and layer.kept is not None]


class _ModelHooks:
    """The hooks on one model, and how many caches need them."""

    def __init__(self, model: nn.Module, decoder: nn.Module) -> None:
        attentions = attentions_of(model)
        self.decoder = weakref.ref(decoder)
        self.users = 0
        self.hooks = Hooks()
        self.hooks.before(decoder, _move_positions)
        self.hooks.after(decoder, _forget_masks, always=True)
        for each in attentions:
            self.hooks.before(each.module, _cut_mask)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copy of the model starts without, since its hooks do nothing."""
        return type(None), ()

    def release(self) -> None:
        with _LOCK:
            self.users -= 1
            if self.users:
                return
            self.hooks.remove()
            decoder = self.decoder()
            if decoder is not None and decoder.__dict__.get(_HOOKS) is self:
                del decoder.__dict__[_HOOKS]


class _Lease:
    """A cache's share in the hooks of a model: copies of the cache share it, deep ones have their own."""

    def __init__(self, decoder: nn.Module, readers: _ModelHooks) -> None:
        self.decoder, self.readers = decoder, readers
        with _LOCK:
            readers.users += 1
        weakref.finalize(self, readers.release).atexit = False

    def __deepcopy__(self, memo: dict[int, Any]) -> _Lease:
        return _Lease(self.decoder, self.readers)

    def __reduce__(self) -> tuple[Any, ...]:
        """A stored cache has none, and is attached again."""
        return type(None), ()


def _move_positions(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Before the decoder: batch and device must be the cache's; positions go back by what re-rotation closed up."""
    cache = find_argument(module, "cache", args, kwargs)
    layers = pressed_layers(cache)
    if not layers:
        return None
    layer, inputs = layers[0], _inputs(module, args, kwargs)
    if inputs is None:
        return None
    own = attached_decoder(cache)
    if own is not None and own is not module:
        raise UsageError(
            f"the cache was filled by another {type(own).__name__} than the {type(module).__name__} that is called",
            hint="use the model that read the context; cache.attach(model) if it is a copy of that one",
        )
    positions = find_argument(module, "position_ids", args, kwargs)
    _check_fit(layer, inputs, positions)
    if layer.shift is None:
        return None
    if positions is None:
        start = layer.get_seq_length()
        positions = torch.arange(start, start + inputs.shape[1], device=inputs.device)[None]
    return (), {**bind_arguments(module, args, kwargs), "position_ids": positions - layer.shift[:, None]}


def _cut_mask(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Before an attention module: the mask becomes that of its own layer, or of the one whose keys it shares."""
    cache = find_argument(module, "cache", args, kwargs)
    number = cache_layer_of(module)
    layers = cache.layers if isinstance(cache, DynamicCache) else []
    if number >= len(layers) or not isinstance(layers[number], PrunedLayer) or layers[number].kept is None:
        return None
    layer, mask = layers[number], find_argument(module, "attention_mask", args, kwargs)
    if number != module.layer_idx:
        return (), {**bind_arguments(module, args, kwargs), "attention_mask": layer.cut}
    hidden = find_argument(module, "hidden_states", args, kwargs)
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
    layer.cut = layer.mask(mask, hidden.shape[1], int(module.config.num_attention_heads))
    layer.masked = True
    return (), {**bind_arguments(module, args, kwargs), "attention_mask": layer.cut}


def _forget_masks(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> None:
    """After the decoder, however it ended: the next call has to cut its masks itself."""
    for layer in pressed_layers(find_argument(module, "cache", args, kwargs)):
        layer.masked, layer.cut = False, None


def _inputs(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    ids: Tensor | None = find_argument(module, "input_ids", args, kwargs)
    return find_argument(module, "inputs_embeds", args, kwargs) if ids is None else ids


def _check_fit(layer: PrunedLayer, inputs: Tensor, positions: Any) -> None:
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
    if isinstance(positions, torch.Tensor) and positions.ndim == 2 and positions.shape[1] > 1:
        held = layer.kept.counts.each.amax(dim=1) if layer.kept is not None else 0
        if bool((positions[:, 0] < held).any()):
            raise UsageError(
                f"the new tokens stand among the {layer.get_seq_length()} that the cache has read",
                hint="give generate all ids, with new ones at the end, and model(...) the new ones alone; for another "
                "question take cache.copy() before, or cache.crop(-n) behind it; in place of assisted decoding, which "
                "reads all ids again, use generate_with_drafts",
            )
