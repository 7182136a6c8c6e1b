"""The manifest of a shrunk model, and the model built again from it, whatever the sizes of its layers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import transformers
from torch import Tensor, nn

from ctxprune.errors import FormatError
from ctxprune.shrink.io.packing import unpack_hashed, unpack_tensors
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.modules import restore_custom_modules
from ctxprune.shrink.model.shared import restore_shared_weights
from ctxprune.shrink.model.surgery import replace_parameter, resize
from ctxprune.storage.sealed import unseal
from ctxprune.train.tensor_files import read_tensors

FORMAT, VERSION, MANIFEST = "ctxprune-shrunk", 1, "shrunk.json"
WEIGHTS = "model.safetensors"
_AGAIN = "copy the folder anew, or shrink the model again"
_FOLLOWS = ("num_hidden_layers", "layer_types", "head_sizes", "pad_token_id")
"""Of the configuration: what depends on what was removed, and an id that follows a smaller vocabulary."""


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder that `save_model` wrote; a `FormatError` where it is damaged or of another version."""
    path = folder / MANIFEST
    try:
        found = unseal(path.read_bytes(), required=False)
    except (OSError, ValueError) as error:
        raise FormatError("the manifest cannot be read", where=str(path), hint=_AGAIN) from error
    wanted = {"class", "config", "dropped", "kind", "origin", "sha256"}
    if not isinstance(found, dict) or found.get("format") != FORMAT or not wanted <= found.keys():
        raise FormatError("this is no manifest of a shrunk model", where=str(path))
    if found.get("version") != VERSION:
        raise FormatError(f"the manifest has version {found.get('version')!r}, not {VERSION}", where=str(path))
    for name, digest in found.get("files", {}).items():
        try:
            wrong = "" if file_digest(folder / name) == digest else "not the one that was saved"
        except OSError as error:
            wrong = f"missing ({error.strerror})"
        if wrong:
            raise FormatError(f"a file of the model is {wrong}", where=str(folder / name), hint=_AGAIN)
    return found


def file_digest(path: Path) -> str:
    """The sha256 of a file as hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rebuild_model(folder: Path, manifest: Mapping[str, Any]) -> Any:
    """The model of a manifest with the weights in a folder; a `FormatError` where they do not go together."""
    path = folder / WEIGHTS
    try:
        # before the file is parsed: a damaged one is told from one of another format
        if file_digest(path) != manifest["sha256"]:
            raise FormatError("the weights are not those that were saved", where=str(path), hint=_AGAIN)
        weights = unpack_tensors(read_tensors(path)[0], manifest.get("packed", {}))
        # the full shapes first, then what was removed: transformers cannot build uneven layers
        model = build_model(manifest["class"], manifest["origin"], manifest["config"])
        family = family_of(model)
        family.complete(model, manifest["config"])
        sublayers = {(entry.layer, entry.kind): entry for entry in family.describe(model).sublayers}
        for layer, kind in manifest["dropped"]:
            family.drop_sublayer(model, sublayers[layer, kind])
        restore_custom_modules(model, manifest.get("parts", ()))
        restore_shared_weights(model, manifest.get("shared", []))
        unpack_hashed(model, weights)
        _fill_weights(model, weights)
        family.adapt(model)
        current = model.config.to_dict()
        for name, value in manifest["config"].items():
            if name not in current or current[name] != value:
                setattr(model.config, name, value)
    except FormatError:
        raise
    except Exception as error:  # as many kinds as there are damaged files
        raise FormatError(f"the model cannot be built ({error})", where=str(folder), hint=_AGAIN) from error
    return model.eval()


def build_model(name: str, origin: Mapping[str, Any], config: Mapping[str, Any]) -> Any:
    """A model of the sizes that it had at first, with as many layers as are left."""
    kind = getattr(transformers, name)  # named by a file, so that only a model's class is taken
    # the name comes from a file and could be that of any callable in the package
    if not issubclass(kind, transformers.PreTrainedModel):
        raise TypeError(f"{name} is no model")
    given = dict(origin) | {entry: config[entry] for entry in _FOLLOWS if entry in config}
    made = transformers.AutoConfig.for_model(given.pop("model_type"), **given)
    return kind(made)


def _fill_weights(model: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Put in the weights, whatever their shapes; biases where there were none."""
    # shapes may differ from those that the configuration gave, so load_state_dict would refuse them
    known = dict(model.named_parameters())
    buffers = dict(model.named_buffers())
    for name, value in weights.items():
        parent, _, own = name.rpartition(".")
        if name in known:
            replace_parameter(model, known.pop(name), nn.Parameter(value))
        elif name in buffers:
            setattr(model.get_submodule(parent), own, value)
        else:
            module = model.get_submodule(parent)
            if own != "bias" or module._parameters.get("bias", value) is not None:
                raise ValueError(f"it has no place for {name}")
            module.bias = nn.Parameter(value)
    if known:
        raise ValueError(f"the weights lack {next(iter(known))}")
    for module in model.modules():
        resize(module)
