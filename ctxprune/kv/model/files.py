"""Safetensors files that belong to one model: caches, filters, gates.

The metadata hold plain values, with a checksum of each tensor and one of the values themselves. Files of releases that
wrote no checksums are still read.
"""

from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from ctxprune.errors import FormatError, InputError
from ctxprune.kv.model.attention import attentions_of, cache_layer_of
from ctxprune.storage.sealed import seal, tensor_checksum, unseal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor, nn

__all__ = ["ModelFile", "SupportsDigest", "model_fingerprint", "tensor_digest"]


@runtime_checkable
class SupportsDigest(Protocol):
    """What was learned for a model, with a digest that tells it from others."""

    @property
    def digest(self) -> str:
        """sha256 of its numbers, first 16 hex digits."""


def model_fingerprint(model: nn.Module) -> str:
    """sha256 (first 16 hex digits) over the shapes of the model's layers and the weights that make its keys.

    It depends on weights, not on names, paths or the dtype: 64 numbers of each layer's key projection are used.

    Raises:
        UsageError: The class of its attention modules is not supported.
    """
    digest = hashlib.sha256()
    for attention in attentions_of(model):
        if cache_layer_of(attention.module) != attention.layer:
            # The layer shares the keys of another one: its own key weights are unused.
            continue
        weight = attention.key_weight
        # A sample is enough to tell models apart, and avoids copying whole matrices from an accelerator.
        flat = weight.flatten()
        picked = flat[:: max(len(flat) // 64, 1)][:64].to("cpu", torch.bfloat16).view(torch.int16)
        digest.update(f"{attention.layer} {tuple(weight.shape)} ".encode())
        digest.update(picked.numpy().tobytes())
    return digest.hexdigest()[:16]


def tensor_digest(tensors: Iterable[Tensor]) -> str:
    """sha256 (first 16 hex digits) over the numbers and shapes of tensors, in order."""
    digest = hashlib.sha256()
    for each in tensors:
        digest.update(f"{tuple(each.shape)} ".encode())
        digest.update(each.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class ModelFile:
    """A file format: tensors, and plain values with the name and version of the format and the model's fingerprint.

    Attributes:
        what: Its content, for messages ("gates").
        format: Name of the format.
        version: Version of the format.
        fields: Plain values that are required.
        remedy: Hint for a file of another model.
    """

    what: str
    format: str
    version: int
    fields: tuple[str, ...]
    remedy: str

    def write(self, path: str | Path, model: str, about: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Write a file; on an error no partial file is left.

        Args:
            path: The file; its folder must exist.
            model: The model's fingerprint.
            about: Plain values.
            tensors: By name; tensors that share memory are written separately.

        Raises:
            InputError: The file cannot be written.
        """
        from safetensors.torch import save_file

        path = Path(path)
        metadata = {"format": self.format, "version": self.version, "model": model, **about}
        # Clones, as safetensors refuses tensors that share memory.
        held = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
        metadata["checks"] = {name: tensor_checksum(tensor) for name, tensor in held.items()}
        # A name of its own for each process and thread, so that concurrent writers do not mix their bytes.
        partial = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            if not path.parent.is_dir():
                raise OSError(f"no folder {path.parent}")
            save_file(held, partial, {"ctxprune": seal(metadata)})
            os.replace(partial, path)
        except OSError as error:
            raise InputError(
                f"cannot write the {self.what} ({error})", where=str(path), hint="choose another file"
            ) from error
        finally:
            partial.unlink(missing_ok=True)

    def read(self, path: str | Path, model: nn.Module) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """The plain values and the tensors, on the CPU, of a file that was written for `model`.

        Raises:
            InputError: There is no such file, or it belongs to another model.
            FormatError: It is truncated, damaged, or of another format or version.
        """
        from safetensors import SafetensorError, safe_open

        where = str(path)
        try:
            with safe_open(path, "pt") as file:
                sealed = (file.metadata() or {}).get("ctxprune", "{}").encode()
                about = unseal(sealed, required=False)
                if isinstance(about, dict) and "checks" in about:
                    # Written with both kinds of checksums: without its own, the text was damaged there.
                    about = unseal(sealed)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except FileNotFoundError as error:
            raise InputError(f"no such {self.what}", where=where, hint="name the file that save wrote") from error
        except (OSError, SafetensorError, ValueError) as error:
            raise FormatError(f"not a whole safetensors file ({error})", where=where, hint="save it again") from error
        if not isinstance(about, dict):
            about = {}
        known = about.get("format"), about.get("version")
        if known != (self.format, self.version) or not {"model", *self.fields} <= set(about):
            raise FormatError(
                f"the file holds no {self.what} of this library ({known[0]} {known[1]})",
                where=where,
                hint=f"expected {self.format} {self.version}",
            )
        checks = about.pop("checks", None)
        if checks is not None and checks != {name: tensor_checksum(tensor) for name, tensor in tensors.items()}:
            raise FormatError(f"the {self.what} differ from their checksums", where=where, hint="save them again")
        found = model_fingerprint(model)
        if about["model"] != found:
            raise InputError(
                f"the {self.what} were made for another model ({about['model']}, this one is {found})",
                where=where,
                hint=self.remedy,
            )
        return about, tensors
