"""The cache of a pressed context: a `DynamicCache` that counts its bytes, branches, and goes to disk and back."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from ctxprune.errors import UsageError
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.cache.masks import attach, attached_decoder, pressed_layers
from ctxprune.kv.cache.saving import CACHE_FILE, collect_layers, load_layers
from ctxprune.kv.model.attention import attentions_of
from ctxprune.kv.model.files import model_fingerprint
from ctxprune.kv.model.foreign import foreign_attribute

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn
    from transformers.cache_utils import Cache


__all__ = ["PrunedCache", "can_press_all", "copy_cache", "count_bytes", "prepare_layers"]


class PrunedCache(DynamicCache):  # type: ignore[misc]
    """A cache whose full-attention layers can be pressed; sliding-window and linear-attention layers stay whole.

    It is used like the cache of the whole sequence: pass all ids to `model.generate(ids, cache=cache)`, or the
    new ones to `model(...)`.

    Args:
        model: The model whose cache it is.

    Raises:
        UsageError: It is no model, or one that cannot be served.
    """

    def __init__(self, model: nn.Module) -> None:
        attentions_of(model)  # before its configuration is asked for
        super().__init__(config=model.config)
        self.press: dict[str, Any] = {}
        prepare_layers(self, model)

    @property
    def kept(self) -> list[list[list[int]]]:
        """Tokens that each pressed layer keeps, by row and head."""
        return [layer.kept.counts.each.tolist() for layer in pressed_layers(self) if layer.kept is not None]

    @property
    def nbytes(self) -> int:
        """Bytes of all that is held: keys, values, scales, counts and positions, tokens after the press included."""
        return count_bytes(self)

    @property
    def full_nbytes(self) -> int:
        """Bytes that keys and values of all tokens read would take, had none been dropped."""
        total = 0
        for layer in self.layers:
            if isinstance(layer, PrunedLayer) and layer.is_initialized:
                rows, heads, _, width = layer.keys.shape
                per_token = rows * heads * (width + layer.values.shape[-1]) * layer.keys.element_size()
                total += layer.get_seq_length() * per_token
            else:
                total += sum(held.untyped_storage().nbytes() for held in _layer_tensors(layer).values())
        return total

    @property
    def bytes_ratio(self) -> float:
        """`nbytes` as a share of `full_nbytes`; 1.0 for an empty cache."""
        return self.nbytes / full if (full := self.full_nbytes) else 1.0

    def attach(self, model: nn.Module) -> None:
        """Let a model read this cache: the one it came from does already."""
        attach(model, self)

    def copy(self) -> PrunedCache:
        """A copy that can be read on without touching this one; kept tokens are shared, as nothing changes them."""
        twin: PrunedCache = copy_cache(self)
        twin.press = dict(self.press)
        return twin

    def branch(self, rows: int) -> PrunedCache:
        """A copy with every row of the batch repeated `rows` times, for several questions or beams at once.

        Raises:
            UsageError: `rows` is not a whole number of at least 1.
        """
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 1:
            raise UsageError(f"rows is {rows!r}", hint="a whole number, 1 or more")
        twin = self.copy()
        twin.batch_repeat_interleave(rows)
        return twin

    def crop(self, tokens_to_remove: int) -> None:
        """Forget the last tokens, as many as `-tokens_to_remove`; of the tokens read after the press alone.

        Raises:
            UsageError: The number is positive or reaches into the pressed context, or there are layers left whole that
                cannot go back.
        """
        stuck = [layer for layer in self.layers if not isinstance(layer, PrunedLayer) and not _can_crop(layer)]
        if stuck and not tokens_to_remove:
            return
        if stuck:
            raise UsageError(
                f"a {type(stuck[0]).__name__} cannot forget its last tokens",
                hint="cache.copy() before reading on, or cache.activate_past_recording() for sliding windows",
            )
        super().crop(tokens_to_remove)

    def to(self, device: torch.device | str) -> PrunedCache:
        """This cache with all it holds on another device."""
        for layer in self.layers:
            if isinstance(layer, PrunedLayer):
                layer.move(lambda held: held.to(device))
            else:
                _move_whole(layer, device)
        return self

    @property
    def model_fingerprint(self) -> str:
        """Which model it belongs to; see `ctxprune.kv.model.files.model_fingerprint`.

        Raises:
            UsageError: It is attached to none.
        """
        model = attached_decoder(self)
        if model is None:
            raise UsageError("this cache belongs to no model", hint="cache.attach(model)")
        return model_fingerprint(model)

    def save(self, path: str | Path) -> None:
        """Write it to one safetensors file, with the fingerprint of its model; on an error no partial file is left.

        Raises:
            InputError: The file cannot be written, or the cache is empty or has sliding-window or linear-attention
                layers.
        """
        layers, tensors = collect_layers(self.layers, path)
        CACHE_FILE.write(path, self.model_fingerprint, {"press": self.press, "layers": layers}, tensors)

    @classmethod
    def load(cls, path: str | Path, model: nn.Module) -> PrunedCache:
        """Read a saved cache back, onto the device of the model that it was made with.

        Raises:
            InputError: There is no such file, or it was saved for another model.
            FormatError: It is cut, damaged, or of another format or version.
        """
        press, layers = load_layers(path, model)
        cache = cls(model)
        cache.press, cache.layers = press, layers
        return cache.to(next(model.parameters()).device)


def prepare_layers(cache: Cache, model: nn.Module) -> None:
    """Put layers that can be pressed in the place of a dynamic cache's full-attention layers, while it is empty, and
    let the model read them.

    Raises:
        UsageError: The cache holds tokens, or is of another kind (static, quantised, offloaded).
    """
    if not isinstance(cache, DynamicCache) or cache.offloading:
        raise UsageError(
            f"a {type(cache).__name__} cannot be pressed", hint="pass no cache, an empty DynamicCache or a PrunedCache"
        )
    if any(isinstance(layer, DynamicLayer) and layer.get_seq_length() for layer in cache.layers):
        raise UsageError("the cache holds tokens already", hint="press a context from its first token on")
    layers = cache.layers or DynamicCache(config=model.config).layers  # those of a model that says nothing come later
    cache.layers = [PrunedLayer() if type(layer) is DynamicLayer else layer for layer in layers]
    if cache.layer_class_to_replicate is DynamicLayer:
        cache.layer_class_to_replicate = PrunedLayer
    attach(model, cache)


def can_press_all(model: nn.Module) -> bool:
    """Whether every layer of the model's cache can be pressed; raises UsageError for a model without attention."""
    attentions_of(model)
    layers = DynamicCache(config=model.config).layers
    return all(type(layer) is DynamicLayer for layer in layers)


def copy_cache(cache: Any) -> Any:
    """A cache that can be read on apart: layers that only ever put new tensors in place share theirs."""
    twin = copy.copy(cache)
    shared = (PrunedLayer, DynamicLayer, DynamicSlidingWindowLayer)
    twin.layers = [copy.copy(layer) if type(layer) in shared else copy.deepcopy(layer) for layer in cache.layers]
    return twin


def count_bytes(cache: Cache) -> int:
    """Bytes of the storages behind all tensors that a cache holds, each storage once."""
    storages = {
        held.untyped_storage().data_ptr(): held.untyped_storage().nbytes()
        for layer in cache.layers
        for held in _layer_tensors(layer).values()
        if held.numel()
    }
    return sum(storages.values())


def _can_crop(layer: Any) -> bool:
    """Whether a layer of transformers' own can be cropped as it is."""
    if isinstance(layer, DynamicSlidingWindowLayer) and layer.get_seq_length() < layer.sliding_window:
        return True
    return bool(layer.is_croppable and foreign_attribute(layer, "record_past", True))


_STATES = ("conv_states", "recurrent_states")  # of layers with linear attention, by number


def _layer_tensors(layer: Any) -> dict[str, torch.Tensor]:
    if isinstance(layer, PrunedLayer):
        return layer.tensors()
    held = {"keys": foreign_attribute(layer, "keys"), "values": foreign_attribute(layer, "values")}
    for name in _STATES:
        held |= {f"{name}.{number}": state for number, state in foreign_attribute(layer, name, {}).items()}
    return {name: tensor for name, tensor in held.items() if tensor is not None}


def _move_whole(layer: Any, device: torch.device | str) -> None:
    """Move a layer of transformers' own."""
    if foreign_attribute(layer, "keys") is not None:
        layer.keys, layer.values = layer.keys.to(device), layer.values.to(device)
    for name in _STATES:
        states = foreign_attribute(layer, name, {})
        states.update({number: None if state is None else state.to(device) for number, state in states.items()})
    if foreign_attribute(layer, "device") is not None:
        layer.device = torch.device(device)
