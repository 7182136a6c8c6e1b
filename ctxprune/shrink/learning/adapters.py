"""Low-rank adapters beside linear modules, which are removed again at the end.

Hu and others, LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022: y = W x + s B A x, B = 0 at the start.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.model.families import family_of
from ctxprune.shrink.model.gate_hooks import temporary_hooks
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Callable, Iterator, Mapping, Sequence, Tensor


@dataclass(frozen=True)
class Adapter:
    """A pair of small matrices; `product` is what merging adds to the weight.

    Attributes:
        down: A: (rank, inputs).
        up: B: (outputs, rank).
        scale: s.
    """

    down: nn.Parameter
    up: nn.Parameter
    scale: float

    @property
    def product(self) -> Tensor:
        """s B A: (outputs, inputs)."""
        return self.scale * self.up @ self.down


def linear_paths(model: nn.Module) -> list[str]:
    """Dotted names of the linear modules in the model's layers.

    Raises:
        UsageError: There are none.
    """
    inside = tuple(f"{layer.path}." for layer in family_of(model).describe(model).layers)
    named = [(name, entry) for name, entry in model.named_modules() if f"{name}.".startswith(inside)]
    if not (found := [name for name, entry in named if isinstance(entry, nn.Linear)]):
        raise UsageError("the model's layers have no linear modules")
    return found


@contextmanager
def add_adapters(
    model: nn.Module, paths: Sequence[str], *, rank: int, scale: float, generator: torch.Generator
) -> Iterator[dict[str, Adapter]]:
    """Inside, each named linear module has an adapter that adds nothing yet; the weights are not touched."""
    adapters: dict[str, Adapter] = {}
    with temporary_hooks() as handles:
        for path in paths:
            weight = module_of(model, path).weight
            size = min(rank, *weight.shape)
            down = torch.randn(size, weight.shape[1], generator=generator) / weight.shape[1] ** 0.5
            up = torch.zeros(weight.shape[0], size)
            adapters[path] = Adapter(nn.Parameter(down.to(weight)), nn.Parameter(up.to(weight)), scale)
            handles.append(module_of(model, path).register_forward_hook(_adding(adapters[path])))
        yield adapters


def _adding(adapter: Adapter) -> Callable[..., Tensor]:
    def after(_: nn.Module, given: tuple[Any, ...], result: Tensor) -> Tensor:
        return result + adapter.scale * functional.linear(functional.linear(given[0], adapter.down), adapter.up)

    return after


def merge_adapters(model: nn.Module, adapters: Mapping[str, Adapter]) -> None:
    """Add what adapters have learned to the weights, in place."""
    with torch.no_grad():
        for path, adapter in adapters.items():
            module_of(model, path).weight += adapter.product
