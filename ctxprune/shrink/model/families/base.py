"""What a family says of its models; and what the transformer families share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import nn

from ctxprune.shrink.model.anatomy import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.shrink.model.anatomy import Anatomy, Key, Layer, Sublayer

__all__ = ["Family", "Nothing", "depth_groups", "replace_module"]


@runtime_checkable
class Family(Protocol):
    """How models of one architecture are described and cut."""

    name: str

    def matches(self, model: nn.Module) -> bool:
        """Whether the model is of this family."""
        ...

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now: sizes are read off the weights, not the configuration."""
        ...

    def drop_sublayer(self, model: nn.Module, sublayer: Sublayer) -> None:
        """Take a sublayer's weights out, so that it adds nothing to the residual; in place."""
        ...

    def drop_layers(self, model: nn.Module, kept: Sequence[int]) -> None:
        """Keep these layers alone; in place."""
        ...

    def adapt(self, model: nn.Module) -> None:
        """Make numbers that modules and configuration hold agree with the weights' sizes; in place."""
        ...


class Nothing(nn.Module):
    """Stands where a sublayer was: adds nothing to the residual of pre-norm layers."""

    def __init__(self, *, pair: bool = False) -> None:
        super().__init__()
        self.pair = pair

    def forward(self, hidden_states: torch.Tensor, *_: Any, **__: Any) -> Any:
        """Zeros that add to anything; with `pair` also no attention weights."""
        zero = hidden_states.new_zeros(())
        return (zero, None) if self.pair else zero


def depth_groups(layers: Sequence[Layer]) -> dict[Key, Group]:
    """The groups of sublayers and of layers."""
    count = sum(len(layer.sublayers) for layer in layers)
    return {("sublayer", -1): Group("sublayer", -1, count), ("layer", -1): Group("layer", -1, len(layers))}


def replace_module(model: nn.Module, path: str, module: nn.Module) -> None:
    """Put a module at a dotted name."""
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)
