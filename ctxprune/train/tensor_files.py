"""Reading safetensors files: the one place where weights of other tools and of shrunk models come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

__all__ = ["read_tensors"]


def read_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """All tensors of a file by name, on the CPU, and the metadata of its header.

    Errors are those of the system (OSError) and of the format (`safetensors.SafetensorError`): what they mean is said
    by the caller, who knows what the file should be.
    """
    with require("safetensors", "train").safe_open(str(path), framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
