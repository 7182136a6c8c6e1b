"""The cache of a pressed context: a `DynamicCache` with byte counts, branches for several questions, and files."""

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
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn
    from transformers.cache_utils import Cache


__all__ = ["PrunedCache", "can_press_all", "check_pressable", "copy_cache", "count_bytes", "prepare_layers"]


class PrunedCache(DynamicCache):  # type: ignore[misc]
    """A cache whose full-attention layers can be pressed; sliding-window and linear-attention layers are never pressed.

    Use it like the cache of the whole sequence: pass all ids to `model.generate(ids, cache=cache)`, or the
    new ones to `model(...)`.

    Args:
        model: The model whose cache it is.

    Raises:
        UsageError: It is no model, or one that is not supported.
    """

    def __init__(self, model: nn.Module) -> None:
        # Before its configuration is used: raises for what is no decoder.
        attentions_of(model)
        super().__init__(config=model.config)
        self.press: dict[str, Any] = {}
        # The `StepPress` that presses it while tokens are read; None: it grows.
        self.steps: Any = None
        prepare_layers(self, model)

    @property
    def kept(self) -> list[list[list[int]]]:
        """Number of tokens that each pressed layer keeps, by row and head."""
        return [layer.kept.counts.each.tolist() for layer in pressed_layers(self) if layer.kept is not None]

    @property
    def nbytes(self) -> int:
        """Bytes of everything in the cache: keys, values, scales, counts, columns, and tokens read after the press."""
        return count_bytes(self)

    @property
    def full_nbytes(self) -> int:
        """Bytes that keys and values of all tokens read would take if none had been dropped."""
        total = 0
        for layer in self.layers:
            # Layers that are never pressed take what they take: they count in full on both sides of `bytes_ratio`.
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
        """Let a model read this cache, for instance a copy of the model that filled it."""
        attach(model, self)

    def copy(self) -> PrunedCache:
        """A copy that can be extended without changing this one; kept tokens are shared, as they never change."""
        twin: PrunedCache = copy_cache(self)
        twin.press = dict(self.press)
        return twin

    def branch(self, rows: int) -> PrunedCache:
        """A copy with every row of the batch repeated `rows` times, for several questions or beams in one batch.

        Raises:
            UsageError: `rows` is not a whole number of at least 1.
        """
        check_whole("rows", rows, minimum=1)
        twin = self.copy()
        twin.batch_repeat_interleave(rows)
        return twin

    def crop(self, tokens_to_remove: int) -> None:
        """Remove the last `-tokens_to_remove` tokens, which must have been read after the press.

        Raises:
            UsageError: The number is positive or reaches into the pressed context, or an unpressed layer cannot be
                cropped.
        """
        uncroppable = [layer for layer in self.layers if not isinstance(layer, PrunedLayer) and not _can_crop(layer)]
        if uncroppable and not tokens_to_remove:
            return
        if uncroppable:
            raise UsageError(
                f"a {type(uncroppable[0]).__name__} cannot be cropped",
                hint="cache.copy() before reading on, or cache.activate_past_recording() for sliding windows",
            )
        # All layers first: a refusal must not leave some of them cropped.
        for layer in pressed_layers(self):
            layer.check_crop(tokens_to_remove)
        super().crop(tokens_to_remove)

    def to(self, device: torch.device | str) -> PrunedCache:
        """Move the cache to another device; returns itself."""
        for layer in self.layers:
            if isinstance(layer, PrunedLayer):
                layer.move(lambda held: held.to(device))
            else:
                _move_whole(layer, device)
        return self

    def end_steps(self) -> None:
        """Stop pressing while tokens are read (`Decoding`): the cache stays as it is, and grows with what is read."""
        self.steps = None
        for layer in self.layers:
            if isinstance(layer, PrunedLayer):
                layer.end_steps()

    @property
    def model_fingerprint(self) -> str:
        """Fingerprint of its model; see `ctxprune.kv.model.files.model_fingerprint`.

        Raises:
            UsageError: It is attached to no model.
        """
        model = attached_decoder(self)
        if model is None:
            raise UsageError("this cache belongs to no model", hint="cache.attach(model)")
        return model_fingerprint(model)

    def save(self, path: str | Path) -> None:
        """Write it to one safetensors file, with the fingerprint of its model; on an error no partial file is left.

        Raises:
            UsageError: It is pressed while tokens are read (`Decoding`), which a file does not hold.
            InputError: The file cannot be written, or the cache is empty or has sliding-window or linear-attention
                layers.
        """
        if self.steps is not None:
            raise UsageError(
                "this cache is pressed while tokens are read, which a file does not hold: once loaded it would grow",
                where=str(path),
                hint="cache.end_steps() first, if it may grow after loading",
            )
        layers, tensors = collect_layers(self.layers, path)
        CACHE_FILE.write(path, self.model_fingerprint, {"press": self.press, "layers": layers}, tensors)

    @classmethod
    def load(cls, path: str | Path, model: nn.Module) -> PrunedCache:
        """Read a saved cache back, onto the device of the model that it was made with.

        Raises:
            InputError: There is no such file, or it was saved for another model.
            FormatError: It is truncated, damaged, or of another format or version.
        """
        press, layers = load_layers(path, model)
        cache = cls(model)
        cache.press, cache.layers = press, layers
        return cache.to(next(model.parameters()).device)


def prepare_layers(cache: Cache, model: nn.Module) -> None:
    """Replace the full-attention layers of an empty dynamic cache by layers that can be pressed, and attach the model.

    Raises:
        UsageError: The cache holds tokens, or is static, quantised or offloaded.
    """
    if not isinstance(cache, DynamicCache) or cache.offloading:
        raise UsageError(
            f"a {type(cache).__name__} cannot be pressed", hint="pass no cache, an empty DynamicCache or a PrunedCache"
        )
    if any(isinstance(layer, DynamicLayer) and layer.get_seq_length() for layer in cache.layers):
        raise UsageError("the cache holds tokens already", hint="press a context from its first token on")
    # A cache made without a configuration has no layers yet, and appends `layer_class_to_replicate` while reading.
    layers = cache.layers or DynamicCache(config=model.config).layers
    cache.layers = [PrunedLayer() if type(layer) is DynamicLayer else layer for layer in layers]
    if cache.layer_class_to_replicate is DynamicLayer:
        cache.layer_class_to_replicate = PrunedLayer
    attach(model, cache)


def check_pressable(cache: Cache, model: nn.Module) -> None:
    """Raises UsageError for a cache none of whose layers can be pressed."""
    # A cache without layers gets them while the model reads.
    if cache.layers and not any(isinstance(layer, PrunedLayer) for layer in cache.layers):
        whole = [layer for layer in cache.layers if isinstance(layer, DynamicLayer)]
        joined = next((layer for layer in whole if not isinstance(layer, DynamicSlidingWindowLayer)), None)
        if joined is not None:
            raise UsageError(
                f"{type(model).__name__} caches keys and values together with {_held_besides(joined)} in one layer "
                f"({type(joined).__name__}), of which a press could drop no tokens alone",
                hint="a model that docs/kv_architectures.md lists as served, or a shorter text (PassagePruner)",
            )
        raise UsageError(
            f"{type(model).__name__} has no layer with full attention",
            hint="sliding windows and linear attention hold little, and are not pressed",
        )


def _held_besides(layer: DynamicLayer) -> str:
    if optional_member(layer, "recurrent_states") is not None:
        return "the states of a state-space model"
    return "an index of all tokens" if optional_member(layer, "is_indexer_initialized") is not None else "more"


def can_press_all(model: nn.Module) -> bool:
    """Whether every layer of the model's cache can be pressed; raises UsageError for a model without attention."""
    attentions_of(model)
    layers = DynamicCache(config=model.config).layers
    return all(type(layer) is DynamicLayer for layer in layers)


def copy_cache(cache: Any) -> Any:
    """A cache that can be extended independently; layers that never change a tensor in place share them."""
    twin = copy.copy(cache)
    shared = (PrunedLayer, DynamicLayer, DynamicSlidingWindowLayer)
    twin.layers = [copy.copy(layer) if type(layer) in shared else copy.deepcopy(layer) for layer in cache.layers]
    return twin


def count_bytes(cache: Cache) -> int:
    """Bytes of the storages behind all tensors of a cache, each storage counted once."""
    storages = {
        held.untyped_storage().data_ptr(): held.untyped_storage().nbytes()
        for layer in cache.layers
        for held in _layer_tensors(layer).values()
        if held.numel()
    }
    return sum(storages.values())


def _can_crop(layer: Any) -> bool:
    """Whether a layer of transformers can be cropped in its present state."""
    # A window that has not been filled yet has dropped nothing.
    if isinstance(layer, DynamicSlidingWindowLayer) and layer.get_seq_length() < layer.sliding_window:
        return True
    return bool(layer.is_croppable and optional_member(layer, "record_past", True))


_STATES = ("conv_states", "recurrent_states")  # of layers with linear attention, by number


def _layer_tensors(layer: Any) -> dict[str, torch.Tensor]:
    if isinstance(layer, PrunedLayer):
        return layer.tensors()
    held = {"keys": optional_member(layer, "keys"), "values": optional_member(layer, "values")}
    for name in _STATES:
        held |= {f"{name}.{number}": state for number, state in optional_member(layer, name, {}).items()}
    return {name: tensor for name, tensor in held.items() if tensor is not None}


def _move_whole(layer: Any, device: torch.device | str) -> None:
    """Move a layer of transformers to a device."""
    if optional_member(layer, "keys") is not None:
        layer.keys, layer.values = layer.keys.to(device), layer.values.to(device)
    for name in _STATES:
        states = optional_member(layer, name, {})
        states.update({number: None if state is None else state.to(device) for number, state in states.items()})
    if optional_member(layer, "device") is not None:
        layer.device = torch.device(device)
