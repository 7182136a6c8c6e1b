"""Gates on disk: one safetensors file with the fingerprint of the model they were trained with."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, InputError
from ctxprune.kv.learned.gates import Gates
from ctxprune.kv.saving import model_fingerprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

__all__ = ["FORMAT", "VERSION", "load_gates", "save_gates"]

FORMAT, VERSION = "ctxprune-kv-gates", 1


def save_gates(gates: Gates, path: str | Path, model: nn.Module, notes: Mapping[str, Any] | None = None) -> None:
    """Write gates for a model, whole or not at all.

    Args:
        gates: The gates.
        path: The file.
        model: The model as it was trained with them: other weights refuse them.
        notes: Anything JSON-safe to keep with them, such as the recipe.

    Raises:
        UsageError: The gates do not fit the model.
        InputError: The file cannot be written.
    """
    from safetensors.torch import save_file

    gates.check(model)
    path = Path(path)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "model": model_fingerprint(model),
        "layers": gates.layers,
        "hidden": gates.hidden,
        "width": gates.width,
        "notes": dict(notes or {}),
    }
    tensors = {name: weight.detach().cpu().contiguous() for name, weight in gates.state_dict().items()}
    partial = ""
    try:
        handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        save_file(tensors, partial, {"ctxprune": json.dumps(about)})
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"cannot write the gates ({error})", where=str(path), hint="choose another file") from error
    finally:
        if partial:
            Path(partial).unlink(missing_ok=True)


def load_gates(path: str | Path, model: nn.Module) -> Gates:
    """Read gates for the model they were saved with, onto its device.

    Raises:
        InputError: There is no such file, or it was saved for another model.
        FormatError: It is cut, damaged, or of another format or version.
    """
    from safetensors import SafetensorError, safe_open

    where = str(path)
    try:
        with safe_open(path, "pt") as file:
            about = json.loads((file.metadata() or {}).get("ctxprune", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise InputError("there are no such gates", where=where, hint="name the file that save wrote") from error
    except (OSError, SafetensorError, ValueError) as error:
        raise FormatError(f"not a whole safetensors file ({error})", where=where, hint="save them again") from error
    if about.get("format") != FORMAT or about.get("version") != VERSION:
        raise FormatError(
            f"the file holds no gates of this library ({about.get('format')} {about.get('version')})",
            where=where,
            hint=f"known is {FORMAT} {VERSION}",
        )
    found = model_fingerprint(model)
    if about.get("model") != found:
        raise InputError(
            f"these gates were saved for another model ({about.get('model')}, this one is {found})",
            where=where,
            hint="load them with the model they were trained with",
        )
    try:
        gates = Gates(about["layers"], about["hidden"], about["width"])
        gates.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise FormatError(f"the gates lack a part ({error})", where=where, hint="save them again") from error
    gates.to(next(model.parameters()).device)
    return gates
