"""Files of what a tuned model has different from its base: one bit for each weight of a matrix, and the values there.

Small on disk alone: a model that is unpacked is as large and as fast as its base. Many heads over one base are shipped
so after DARE. For zeros see `ctxprune.shrink.io.packing`.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ctxprune.errors import FormatError, InputError
from ctxprune.shrink.io.packing import bits_of, mask_of
from ctxprune.shrink.model.cost import matrices
from ctxprune.storage.sealed import parse_json, tensor_checksum
from ctxprune.train.tensor_files import read_tensors
from ctxprune.utils.extras import require

FORMAT, VERSION = "ctxprune.deltas", "1"
_BITS, _VALUES = ".packed_bits", ".packed_values"


def pack(model: nn.Module, base: nn.Module, path: str | Path) -> int:
    """Write what differs from the base, of the same shapes, as safetensors; gives the file's bytes.

    An `InputError` where the base has other weights, or the file cannot be written; what was there is then as it was.
    """
    old, inside, entries = base.state_dict(), set(matrices(model)), {}
    for name, value in model.state_dict().items():
        if name not in old or old[name].shape != value.shape:
            raise InputError("the base model has other shapes", where=name)
        stays = value != old[name]
        if name in inside:
            entries[name + _BITS] = bits_of(stays)
            entries[name + _VALUES] = value[stays].clone()
        elif bool(stays.any()):
            entries[name] = value.clone().contiguous()
    checks = {name: tensor_checksum(value) for name, value in entries.items()}
    note = {"format": FORMAT, "version": VERSION, "base": _fingerprint(base), "checks": json.dumps(checks)}
    target = Path(path)
    part = target.with_name(f".{target.name}.part")
    try:
        require("safetensors.torch", "train").save_file(entries, str(part), metadata=note)
        part.replace(target)
    except (OSError, require("safetensors", "train").SafetensorError) as error:
        raise InputError(f"the file cannot be written ({error})", where=str(path), hint="name another file") from error
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def unpack(path: str | Path, base: nn.Module) -> nn.Module:
    """The tuned model: a copy of its base with what was packed.

    An `InputError` where the file cannot be read or is of another base, a `FormatError` where it is damaged or another.
    """
    try:
        entries, note = read_tensors(path)
    except OSError as error:
        raise InputError("the file cannot be read", where=str(path)) from error
    except require("safetensors", "train").SafetensorError as error:
        raise FormatError(f"this is no safetensors file ({error})", where=str(path)) from error
    if note.get("format") != FORMAT or note.get("version") != VERSION:
        raise FormatError("this file holds no deltas", where=str(path), hint=f"known is {FORMAT} {VERSION}")
    # differences added to another base would give a model that looks right and is not
    if note.get("base") != _fingerprint(base):
        raise InputError("the file was packed against another base model", where=str(path))
    _check(note, entries, path)
    made = copy.deepcopy(base)
    state = made.state_dict()
    with torch.no_grad():
        for name, value in entries.items():
            if not name.endswith(_VALUES):
                _put(state, name, value, entries, path)
    return made


def _check(note: Mapping[str, str], entries: Mapping[str, Tensor], path: str | Path) -> None:
    """Files of earlier releases have no checksums."""
    try:
        same = parse_json(note["checks"]) == {name: tensor_checksum(value) for name, value in entries.items()}
    except KeyError:
        return
    except ValueError:
        same = False
    if not same:
        hint = "copy the file anew, or pack the deltas again"
        raise FormatError("the deltas differ from their checksums", where=str(path), hint=hint)


def _put(state: dict[str, Tensor], name: str, value: Tensor, entries: dict[str, Tensor], path: str | Path) -> None:
    target = state.get(name.removesuffix(_BITS))
    if target is None or (name in state and target.shape != value.shape):
        raise FormatError("the model has no such weights", where=f"{path}: {name}")
    if name in state:
        target.copy_(value)
        return
    values = entries.get(name.removesuffix(_BITS) + _VALUES, value[:0])
    try:
        stays = mask_of(value, target.shape, len(values))
    except ValueError as error:
        raise FormatError(f"bits and values do not agree ({error})", where=f"{path}: {name}") from error
    target[stays] = values


def _fingerprint(model: nn.Module) -> str:
    found = hashlib.sha256()
    for name in matrices(model):
        found.update(model.get_parameter(name).detach().contiguous().cpu().numpy().tobytes())
    return found.hexdigest()[:16]
