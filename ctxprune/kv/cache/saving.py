"""Layers of pruned caches in a safetensors file, with the fingerprint of their model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, InputError
from ctxprune.kv.cache.groups import KeyGroups, ValueGroups
from ctxprune.kv.cache.layer import PrunedLayer
from ctxprune.kv.cache.store import Counts, KeptTokens, Plain, Thinned
from ctxprune.kv.model.files import ModelFile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from torch import Tensor, nn

__all__ = ["CACHE_FILE", "collect_layers", "load_layers"]

CACHE_FILE = ModelFile("caches", "ctxprune-kv", 1, ("press", "layers"), "load it with the model that read the context")
_PACKED = {kind.kind: kind for kind in (Plain, Thinned, KeyGroups, ValueGroups)}


def collect_layers(layers: Sequence[Any], path: str | Path) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
    """Plain values of each layer and all tensors by name, as they are written to `path`.

    Raises:
        InputError: The cache is empty, or has sliding-window or linear-attention layers.
    """
    tensors: dict[str, Tensor] = {}
    described: list[dict[str, Any]] = []
    for number, layer in enumerate(layers):
        if not isinstance(layer, PrunedLayer):
            raise InputError(
                f"layer {number} is a {type(layer).__name__}, which cannot be saved",
                where=str(path),
                hint="caches of models with full attention in every layer can",
            )
        if not layer.is_initialized:
            raise InputError("the cache is empty", where=str(path), hint="read a context into it first")
        kinds = {} if layer.kept is None else {"keys": layer.kept.keys.kind, "values": layer.kept.values.kind}
        described.append({"pressed": layer.pressed, **kinds})
        tensors |= {f"{number}.{name}": held for name, held in layer.tensors().items()}
    return described, tensors


def load_layers(path: str | Path, model: nn.Module) -> tuple[dict[str, Any], list[PrunedLayer]]:
    """The description of the press and the layers, on the CPU, of a cache that was saved for `model`.

    Raises:
        InputError: There is no such file, or it was saved for another model.
        FormatError: It is truncated, damaged, or of another format or version.
    """
    about, tensors = CACHE_FILE.read(path, model)
    try:
        layers = [_load_layer(number, held, tensors) for number, held in enumerate(about["layers"])]
        for layer in layers:
            # One tensor for all layers, as in the cache that was saved.
            layer.shift = layers[0].shift
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise FormatError(f"a part of the cache is missing ({error})", where=str(path), hint="save it again") from error
    return about["press"], layers


def _load_layer(number: int, about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> PrunedLayer:
    own = {name.partition(".")[2]: held for name, held in tensors.items() if name.partition(".")[0] == str(number)}
    layer = PrunedLayer.holding(own["tail.keys"], own["tail.values"])
    layer.pressed, layer.shift = int(about["pressed"]), own.get("shift")
    if "keys" in about:
        parts = {
            part: _PACKED[about[part]].of_tensors(
                {name.partition(".")[2]: held for name, held in own.items() if name.startswith(f"{part}.")}
            )
            for part in ("keys", "values")
        }
        counts = Counts.of(own["counts"])
        layer.kept = KeptTokens(parts["keys"], parts["values"], counts, own["columns"])
        # Reading is tried here, so that inconsistent tensors fail while loading and not in a later call.
        if len(own["columns"]) != counts.total or layer.kept.read()[0].shape[:2] != layer.keys.shape[:2]:
            raise KeyError(f"layer {number}: counts do not fit")
    return layer
