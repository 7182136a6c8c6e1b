"""The base class of families, and helpers that they share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from ctxprune.shrink.model import gate_hooks
from ctxprune.shrink.model.anatomy import Anatomy, Group, Sublayer
from ctxprune.utils.foreign import optional_member


class Family(ABC):
    """How models of one architecture are described and cut.

    Attributes:
        name: As the anatomy and messages have it.
    """

    name: str

    @abstractmethod
    def matches(self, model: nn.Module) -> bool:
        """Whether the model is of this family."""

    @abstractmethod
    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now: sizes are read off the weights, not the configuration."""

    @abstractmethod
    def drop_sublayer(self, model: nn.Module, sublayer: Sublayer) -> None:
        """Take a sublayer's weights out, so that it adds nothing to the residual; in place."""

    @abstractmethod
    def drop_layers(self, model: nn.Module, kept: Sequence[int]) -> None:
        """Keep these layers alone; in place."""

    @abstractmethod
    def adapt(self, model: nn.Module) -> None:
        """Make numbers that modules and configuration hold agree with the weights' sizes; in place."""

    def complete(self, model: nn.Module, config: Mapping[str, Any]) -> None:  # noqa: B027 -- most lack nothing
        """Add modules that a model built from its configuration lacks, before weights are read; in place.

        `config` is of the model that was saved.
        """

    def lay_gate(self, model: nn.Module, anatomy: Anatomy, group: Group, gate: torch.Tensor) -> list[Any]:
        """Register hooks that scale a group's units by its gate, (count,) or (rows, 1, count); gives their handles.

        A family overrides it for kinds of units that are not read at the group's consumer alone.

        Raises:
            UsageError: The units have no place for a gate.
        """
        return gate_hooks.lay_gate(model, anatomy, group, gate)

    def narrow_heads(self, model: nn.Module, layer: int, size: int) -> None:
        """Note that a layer's heads have so many dimensions now; in place. For families with units "dimension"."""
        raise NotImplementedError(f"{self.name} models have no such units")


class LayeredFamily(Family):
    """A family whose models hold a base, known by its modules; what is here by default is right of pre-norm decoders.

    The base has its layers in a list `layers`.
    """

    @abstractmethod
    def is_base(self, module: nn.Module) -> bool:
        """Whether a module is the base of a model of this family."""

    def find_base(self, model: nn.Module) -> tuple[str, Any] | None:
        """What the names of a model's base begin with, and the base, the outermost one; None without."""
        found = (entry for entry in model.named_modules() if self.is_base(entry[1]))
        name, module = next(found, ("", None))
        return None if module is None else (f"{name}." if name else "", module)

    def base(self, model: nn.Module) -> tuple[str, Any]:
        """The same of a model that is known to have one."""
        found = self.find_base(model)
        if found is None:
            raise TypeError(f"{type(model).__name__} is not a model of this family")
        return found

    def matches(self, model: nn.Module) -> bool:
        """Whether the model has a base of this family."""
        return self.find_base(model) is not None

    def drop_sublayer(self, model: nn.Module, sublayer: Sublayer) -> None:
        """The sublayer and its norm go: x -> x."""
        replace_module(model, sublayer.path, Nothing(pair=sublayer.kind == "attention"))
        replace_module(model, sublayer.norm, nn.Identity())

    def drop_layers(self, model: nn.Module, kept: Sequence[int]) -> None:
        """Keep these layers; per-layer settings of the configuration are cut with them."""
        base = self.base(model)[1]
        base.layers = nn.ModuleList([base.layers[index] for index in kept])
        base.config.num_hidden_layers = len(kept)
        types = vars(base.config).get("layer_types")  # of the class where it is derived from other settings
        if types:
            base.config.layer_types = [types[index] for index in kept]


class Nothing(nn.Module):
    """Stands where a sublayer was: adds nothing to the residual of pre-norm layers."""

    def __init__(self, *, pair: bool = False) -> None:
        super().__init__()
        self.pair = pair

    def forward(self, hidden_states: torch.Tensor, *_: Any, **__: Any) -> Any:
        """Zeros that add to anything; with `pair` also no attention weights."""
        # a scalar broadcasts to any residual and costs no memory
        zero = hidden_states.new_zeros(())
        return (zero, None) if self.pair else zero


def find_module(module: nn.Module, path: str) -> Any:
    """The submodule of that dotted name; None where there is none: removed parts, and models of other families."""
    try:
        return module.get_submodule(path)
    except AttributeError:
        return None


def copy_sizes(model: nn.Module, config: Any, names: Iterable[str] = ("hidden_size", "vocab_size")) -> None:
    """Set modules' copies of the configuration's values anew, as a model that is built from it would have them."""
    for module in model.modules():
        for name in names:
            if isinstance(vars(module).get(name), int):
                setattr(module, name, optional_member(config, name))


def has_parameter(module: nn.Module | None, name: str) -> bool:
    """Whether a module is there and has a parameter of its own of that name."""
    return module is not None and name in dict(module.named_parameters(recurse=False))


def replace_module(model: nn.Module, path: str, module: nn.Module) -> None:
    """Put a module at a dotted name."""
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)
