"""Gates on disk: one safetensors file with the fingerprint of the model they were trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError
from ctxprune.kv.cache.model_files import ModelFile, model_fingerprint
from ctxprune.kv.gates.gates import Gates

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import nn

__all__ = ["load_gates", "save_gates"]

_FILE = ModelFile(
    "gates",
    "ctxprune-kv-gates",
    1,
    ("layers", "hidden", "width"),
    "load them with the model they were trained with",
)


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
    gates.check(model)
    about = {"layers": gates.layers, "hidden": gates.hidden, "width": gates.width, "notes": dict(notes or {})}
    _FILE.write(path, model_fingerprint(model), about, gates.state_dict())


def load_gates(path: str | Path, model: nn.Module) -> Gates:
    """Read gates for the model they were saved with, onto its device.

    Raises:
        InputError: There is no such file, or it was saved for another model.
        FormatError: It is cut, damaged, or of another format or version.
    """
    about, tensors = _FILE.read(path, model)
    try:
        gates = Gates(about["layers"], about["hidden"], about["width"])
        gates.load_state_dict(tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise FormatError(f"the gates lack a part ({error})", where=str(path), hint="save them again") from error
    gates.to(next(model.parameters()).device)
    return gates
