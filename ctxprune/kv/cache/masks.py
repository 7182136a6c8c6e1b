"""Hooks that let a model read pruned caches: they cut masks to the tokens that each layer holds, and move positions of
re-rotated caches.

They are on a model as long as a pruned cache of it exists, do nothing for other caches, and are removed with the last
pruned cache.
"""

from __future__ import annotations

import threading
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicCache

from ctxprune.errors import UsageError
from ctxprune.kv.cache.assisted import check_new_ids, skip_read_ids
from ctxprune.kv.cache.kernel_masks import cut_by_kernel, held_columns
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.model.attention import (
    attentions_of,
    bind_arguments,
    cache_layer_of,
    decoder_of,
    find_argument,
    head_count,
)
from ctxprune.kv.model.checks import check_model
from ctxprune.kv.model.hooks import Hooks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn
    from transformers.cache_utils import Cache

__all__ = [
    "attach",
    "attached_decoder",
    "begin_step",
    "claim_cache",
    "is_claimed",
    "pressed_layers",
    "release_cache",
    "steps_of",
    "two_presses",
]

_BIASES = ("alibi", "position_bias")
_HOOKS, _LEASE, _CLAIM = "_ctxprune_readers", "_ctxprune_lease", "_ctxprune_claim"
_LOCK = threading.RLock()  # reentrant: a finalizer may run in any thread, also in one that holds it


def attach(model: nn.Module, cache: Cache) -> None:
    """Let `model` read `cache` as long as the cache exists; a second call has no effect.

    Raises:
        UsageError: The model has no attention that takes a cache, or computes attention without masks.
    """
    decoder = decoder_of(model)
    with _LOCK:
        if attached_decoder(cache) is decoder:
            return
        hooks = decoder.__dict__.get(_HOOKS)
        if hooks is None:
            hooks = decoder.__dict__[_HOOKS] = _ModelHooks(model, decoder)
        setattr(cache, _LEASE, _Lease(decoder, hooks))


def attached_decoder(cache: object) -> nn.Module | None:
    """The decoder that a cache is attached to; None where there is none."""
    lease = vars(cache).get(_LEASE)
    return None if lease is None else lease.decoder


def pressed_layers(cache: object) -> list[PrunedLayer]:
    """The layers of a cache that hold a pressed context."""
    # Only dynamic caches are ever prepared for pressing; other kinds need not have layers at all.
    if not isinstance(cache, DynamicCache):
        return []
    return [layer for layer in cache.layers if isinstance(layer, PrunedLayer) and layer.kept is not None]


class _ModelHooks:
    """The hooks on one model, with the number of caches that need them."""

    def __init__(self, model: nn.Module, decoder: nn.Module) -> None:
        attentions = attentions_of(model)
        check_model(model, attentions, len(DynamicCache(config=model.config).layers))
        # The decoder holds this object: a strong reference would be a cycle, and delay freeing the model.
        self.decoder = weakref.ref(decoder)
        self.users = 0
        self.hooks = Hooks()
        # First of all, so that the others count new tokens alone.
        self.hooks.before(decoder, skip_read_ids)
        if model is not decoder:
            self.hooks.before(model, check_new_ids)
        # Presses in steps move positions, so that they come before these.
        self.hooks.before(decoder, partial(begin_step, [each.module for each in attentions]))
        self.hooks.before(decoder, _move_positions)
        self.hooks.after(decoder, _forget_masks, always=True)
        self.hooks.after(decoder, _end_step)
        for each in attentions:
            self.hooks.before(each.module, _cut_mask)
            self.hooks.after(each.module, _step_layer)

    def __reduce__(self) -> tuple[Any, ...]:
        """A copied model has none: its hooks would do nothing (see `Hooks`)."""
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
    """Keeps the hooks of a model for one cache; shallow copies of the cache share it, deep copies have their own."""

    def __init__(self, decoder: nn.Module, hooks: _ModelHooks) -> None:
        self.decoder, self.hooks = decoder, hooks
        with _LOCK:
            hooks.users += 1
        # Not at exit: the model may be gone by then, and the hooks with it.
        weakref.finalize(self, hooks.release).atexit = False

    def __deepcopy__(self, memo: dict[int, Any]) -> _Lease:
        return _Lease(self.decoder, self.hooks)

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled cache has none, and must be attached again."""
        return type(None), ()


def steps_of(cache: object) -> Any:
    """The `StepPress` that presses a cache while it is read; None for other caches."""
    return vars(cache).get("steps") if isinstance(cache, DynamicCache) else None


def claim_cache(cache: Cache) -> None:
    """Mark an empty cache as one that a session presses during the current call.

    Raises:
        UsageError: Another session does, or it is pressed in steps.
    """
    if _CLAIM in vars(cache) or steps_of(cache) is not None:
        raise two_presses()
    setattr(cache, _CLAIM, True)


def release_cache(cache: object) -> None:
    """Remove the mark of `claim_cache`; no effect where there is none."""
    vars(cache).pop(_CLAIM, None)


def is_claimed(cache: object) -> bool:
    """Whether a session presses a cache during the current call."""
    return _CLAIM in vars(cache)


def two_presses() -> UsageError:
    """The error for a cache that two sessions would press."""
    return UsageError("two presses are open on this model", hint="leave the first `with` before the next")


def begin_step(modules: Sequence[nn.Module], module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Before the decoder: let a cache that is pressed in steps make room for the new tokens."""
    cache, inputs = find_argument(module, "cache", args, kwargs), _inputs(module, args, kwargs)
    if inputs is not None and (steps := steps_of(cache)) is not None:
        _check_model(cache, module)
        steps.begin_call(cache, modules, find_argument(module, "attention_mask", args, kwargs), inputs.shape[1])


def _step_layer(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> None:
    cache = find_argument(module, "cache", args, kwargs)
    if (steps := steps_of(cache)) is not None:
        steps.after_attention(cache, module, args, kwargs)


def _end_step(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> None:
    cache = find_argument(module, "cache", args, kwargs)
    if (steps := steps_of(cache)) is not None:
        steps.end_call(cache)


def _move_positions(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """Before the decoder: check batch and device against the cache, and move positions of re-rotated caches back."""
    cache = find_argument(module, "cache", args, kwargs)
    layers = pressed_layers(cache)
    if not layers:
        return None
    layer, inputs = layers[0], _inputs(module, args, kwargs)
    if inputs is None:
        return None
    _check_model(cache, module)
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
    """Before an attention module: cut the mask to the tokens of its layer, or of the layer whose keys it shares."""
    cache = find_argument(module, "cache", args, kwargs)
    number = cache_layer_of(module)
    layers = cache.layers if isinstance(cache, DynamicCache) else []
    if number >= len(layers) or not isinstance(layers[number], PrunedLayer):
        return None
    _allow_step(cache, layers[number])
    if layers[number].kept is None:
        return None
    layer, mask = layers[number], find_argument(module, "attention_mask", args, kwargs)
    if number != module.layer_idx:
        if layer.cut is None:
            # It was pressed in this call, after its own attention: all tokens of the call are read here as well.
            return None
        return (), {**bind_arguments(module, args, kwargs), "attention_mask": layer.cut[0]}
    hidden = find_argument(module, "hidden_states", args, kwargs)
    given, heads = bind_arguments(module, args, kwargs), head_count(module)
    # MPT alone takes masks that are True for what is closed.
    inverted = given.get("position_bias") is not None and isinstance(mask, torch.Tensor) and mask.dtype == torch.bool
    cut = cut_by_kernel(layer, module, ~mask if inverted else mask, hidden.shape[1], heads)
    layer.masked, layer.cut = True, (cut,)
    return (), {
        **given,
        **_cut_biases(layer, given, hidden.shape[1], heads),
        "attention_mask": ~cut if inverted else cut,
    }


def _allow_step(cache: Cache, layer: PrunedLayer) -> None:
    """Let a layer that is pressed in steps take the new tokens of this call."""
    if not layer.stepped:
        return
    if steps_of(cache) is None:
        raise UsageError(
            "this copy of a cache that is pressed while tokens are read has lost its press",
            hint="copy.deepcopy(cache) or cache.copy() in place of pickle, or cache.end_steps(), after which it grows",
        )
    layer.masked = True


def _cut_biases(layer: PrunedLayer, given: dict[str, Any], new: int, heads: int) -> dict[str, Tensor]:
    """The biases by position (ALiBi) of a call, cut to the tokens of a layer, which get them beside the mask."""
    cut = {}
    for name in _BIASES:
        bias = given.get(name)
        if bias is None:
            continue
        # What stands behind a shorter head's tokens is masked.
        held, _ = held_columns(layer, new, heads)
        if bias.numel() == heads * bias.shape[-1] and len(held) > 1:
            # MPT has one bias for all rows, where BLOOM and Falcon have one for each.
            if not bool((held == held[:1]).all()):
                raise UsageError(
                    "this attention takes one position bias for all rows, which keep different tokens",
                    hint="read one row at a time, or press with streaming_llm",
                )
            held = held[:1]
        own = bias[..., -(layer.get_seq_length() + new) :].reshape(len(held), heads, 1, -1).gather(-1, held[:, :, None])
        cut[name] = own.reshape(*bias.shape[:-1], -1)
    return cut


def _forget_masks(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], _: Any) -> None:
    """After the decoder, also if it failed: the next call cuts its own masks."""
    cache = find_argument(module, "cache", args, kwargs)
    for layer in cache.layers if isinstance(cache, DynamicCache) else ():
        if isinstance(layer, PrunedLayer):
            layer.masked, layer.cut = False, None


def _inputs(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
    ids: Tensor | None = find_argument(module, "input_ids", args, kwargs)
    return find_argument(module, "inputs_embeds", args, kwargs) if ids is None else ids


def _check_model(cache: Cache, module: nn.Module) -> None:
    own = attached_decoder(cache)
    if own is not None and own is not module:
        raise UsageError(
            f"the cache was filled by another {type(own).__name__} than the {type(module).__name__} that is called",
            hint="use the model that read the context; cache.attach(model) if it is a copy of that one",
        )


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
    # The most frequent mistake: all ids are passed to the model again, instead of the new ones.
    if isinstance(positions, torch.Tensor) and positions.ndim == 2 and positions.shape[1] > 1:
        held = layer.kept.counts.each.amax(dim=1) if layer.kept is not None else 0
        if bool((positions[:, 0] < held).any()):
            raise UsageError(
                f"the new tokens have positions among the {layer.get_seq_length()} that the cache has read",
                hint="give generate all ids, with new ones at the end, and model(...) the new ones alone; for another "
                "question take cache.copy() before, or cache.crop(-n) behind it",
            )
