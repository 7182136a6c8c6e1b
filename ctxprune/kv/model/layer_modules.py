"""What was learned for a model layer by layer, such as gates and thresholds: the base of both, with their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import nn

from ctxprune.errors import FormatError, UsageError
from ctxprune.kv.model.files import ModelFile, model_fingerprint, tensor_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from torch import Tensor

__all__ = ["LayerModules"]


class LayerModules(nn.Module):  # type: ignore[misc]
    """One small module for each layer, by the layer's index, in files that belong to one model.

    A subclass says in `format` how its file is called, and in `read_sizes` how a file's sizes are read.

    Args:
        layers: Indices of the layers.
        make: Makes the module of one layer.
        seed: Random seed of all of them.

    Raises:
        UsageError: There is no layer.
    """

    format: ClassVar[ModelFile]

    def __init__(self, layers: Iterable[int], make: Callable[[], nn.Module], *, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.by_layer = nn.ModuleDict({str(layer): make() for layer in layers})
        if not self.by_layer:
            raise UsageError(f"there is no layer for {self.format.what}", hint="a model with full attention in a layer")

    @property
    def layers(self) -> list[int]:
        """Indices of the layers, ascending."""
        return sorted(int(layer) for layer in self.by_layer)

    @property
    def digest(self) -> str:
        """sha256 of all numbers, first 16 hex digits."""
        return tensor_digest(self.state_dict().values())

    @classmethod
    def read_sizes(cls, tensors: Mapping[str, Tensor], layer: int) -> dict[str, int]:
        """The sizes, by the names of the constructor's arguments, that the tensors of one layer have.

        Raises:
            KeyError: A tensor is missing.
        """
        raise NotImplementedError

    def write(self, path: str | Path, model: nn.Module, notes: dict[str, Any], **sizes: int) -> None:
        """Write them to one safetensors file, for this model alone; on an error no partial file is left.

        Raises:
            InputError: The file cannot be written.
        """
        about = {"layers": self.layers, **sizes, "notes": notes}
        self.format.write(path, model_fingerprint(model), about, self.state_dict())

    @classmethod
    def read(cls, path: str | Path, model: nn.Module) -> Self:
        """Read a file that was written for `model`.

        Raises:
            InputError: There is no such file, or it was saved for another model.
            FormatError: It is truncated, damaged, or of another format or version.
        """
        about, tensors = cls.format.read(path, model)
        try:
            sizes = {name: about[name] for name in cls.format.fields if name != "layers"}
            # Compared before anything of that size is made: a file can claim any.
            if any(cls.read_sizes(tensors, layer) != sizes for layer in about["layers"]):
                raise KeyError(", ".join(sizes))
            found = cls(about["layers"], **sizes)
            found.load_state_dict(tensors)
        except (KeyError, TypeError, ValueError, IndexError, RuntimeError, UsageError) as error:
            raise FormatError(
                f"a part of the {cls.format.what} is missing ({error})", where=str(path), hint="save them again"
            ) from error
        return found
