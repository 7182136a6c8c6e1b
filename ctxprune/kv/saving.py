"""Pruned caches on disk: one safetensors file with the model's fingerprint, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import FormatError, InputError
from ctxprune.kv.attention import attentions_of, cache_layer
from ctxprune.kv.cache import PrunedCache
from ctxprune.kv.groups import KeyGroups, ValueGroups
from ctxprune.kv.layer import PrunedLayer
from ctxprune.kv.store import Counts, Kept, Plain, Thinned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

__all__ = ["FORMAT", "VERSION", "load_cache", "model_fingerprint", "save_cache"]

FORMAT, VERSION = "ctxprune-kv", 1
_PACKED = {kind.kind: kind for kind in (Plain, Thinned, KeyGroups, ValueGroups)}


def model_fingerprint(model: nn.Module) -> str:
    """sha256 (first 16 hex digits) over the shapes of the model's layers and the weights that make its keys.

    Other names, paths and kinds of numbers do not change it, other weights do: each layer's key projection is read at
    64 places.

    Raises:
        UsageError: The class of its attention is none that this library knows how to read.
    """
    digest = hashlib.sha256()
    for attention in attentions_of(model):
        if cache_layer(attention.module) != attention.layer:  # makes no keys
            continue
        weight = attention.key_weight
        flat = weight.flatten()
        picked = flat[:: max(len(flat) // 64, 1)][:64].to("cpu", torch.bfloat16).view(torch.int16)
        digest.update(f"{attention.layer} {tuple(weight.shape)} ".encode())
        digest.update(picked.numpy().tobytes())
    return digest.hexdigest()[:16]


def save_cache(cache: PrunedCache, path: str | Path) -> None:
    """Write a cache whose every layer can be pressed.

    Raises:
        InputError: The file cannot be written, or the cache has sliding-window or linear-attention layers.
    """
    from safetensors.torch import save_file

    path = Path(path)
    tensors: dict[str, Tensor] = {}
    layers: list[dict[str, Any]] = []
    for number, layer in enumerate(cache.layers):
        if not isinstance(layer, PrunedLayer):
            raise InputError(
                f"layer {number} is a {type(layer).__name__}, which cannot be saved",
                where=str(path),
                hint="caches of models with full attention in every layer can",
            )
        kinds = {} if layer.kept is None else {"keys": layer.kept.keys.kind, "values": layer.kept.values.kind}
        layers.append({"pressed": layer.pressed, **kinds})
        tensors |= {f"{number}.{name}": held.contiguous().cpu() for name, held in layer.tensors().items()}
    about = {
        "format": FORMAT,
        "version": VERSION,
        "model": cache.model_fingerprint,
        "press": cache.press,
        "layers": layers,
    }
    handle, partial = tempfile.mkstemp(dir=path.parent if path.parent.is_dir() else None, prefix=f".{path.name}.")
    os.close(handle)
    try:
        if not path.parent.is_dir():
            raise OSError(f"no folder {path.parent}")
        # one tensor may stand for several names (positions of a re-rotated cache): each gets its own bytes
        save_file({name: held.clone() for name, held in tensors.items()}, partial, {"ctxprune": json.dumps(about)})
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"cannot write the cache ({error})", where=str(path), hint="choose another file") from error
    finally:
        Path(partial).unlink(missing_ok=True)


def load_cache(path: str | Path, model: nn.Module) -> PrunedCache:
    """Read a cache back, onto the device of the model it was made with.

    Raises:
        InputError: There is no such file, or it was saved for another model.
        FormatError: It is cut, damaged, or of another format or version.
    """
    about, tensors = _read(Path(path))
    found = model_fingerprint(model)
    if about["model"] != found:
        raise InputError(
            f"this cache was saved for another model ({about['model']}, this one is {found})",
            where=str(path),
            hint="load it with the model that read the context",
        )
    cache = PrunedCache(model)
    cache.press = about["press"]
    try:
        cache.layers = [_layer(number, held, tensors) for number, held in enumerate(about["layers"])]
        for layer in cache.layers:
            layer.shift = cache.layers[0].shift  # one tensor for all, as before
    except (KeyError, TypeError, RuntimeError) as error:
        raise FormatError(f"the cache lacks a part ({error})", where=str(path), hint="save it again") from error
    return cache.to(next(model.parameters()).device)


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("ctxprune", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise InputError("there is no such cache", where=str(path), hint="name the file that save wrote") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise FormatError(f"not a whole safetensors file ({error})", where=str(path), hint="save it again") from error
    if (
        about.get("format") != FORMAT
        or about.get("version") != VERSION
        or not {"model", "press", "layers"} <= set(about)
    ):
        raise FormatError(
            f"the file is no cache of this library ({about.get('format')} {about.get('version')})",
            where=str(path),
            hint=f"known is {FORMAT} {VERSION}",
        )
    return about, tensors


def _layer(number: int, about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> PrunedLayer:
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
        layer.kept = Kept(parts["keys"], parts["values"], counts, own["columns"])
        if len(own["columns"]) != counts.total or layer.kept.read()[0].shape[:2] != layer.keys.shape[:2]:
            raise KeyError(f"layer {number}: counts do not fit")
    return layer
