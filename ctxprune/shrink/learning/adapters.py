"""Low-rank adapters beside linear modules, which are removed again at the end.

Hu and others, LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022: y = W x + s B A x, B = 0 at the start.
"""

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.model.cost import matrices
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
    """Dotted names of the linear modules in the model's layers whose weights `matrices` names.

    Raises:
        UsageError: There are none.
    """
    # a linear module that is never called as one (dt_proj of Mamba) runs no hook and has no measured inputs
    paths = [name.removesuffix(".weight") for name in matrices(model) if name.endswith(".weight")]
    if not (found := [path for path in paths if isinstance(module_of(model, path), nn.Linear)]):
        raise UsageError("the model's layers have no linear modules")
    return found


def check_unshared(model: nn.Module, paths: Sequence[str]) -> None:
    """Refuse modules that cannot be changed alone, as adding to one's weight would change another module.

    Raises:
        UsageError: A named module's weight is also a parameter of another module.
    """
    users = Counter(id(entry) for module in model.modules() for entry in module.parameters(recurse=False))
    if shared := [path for path in paths if users[id(module_of(model, path).weight)] > 1]:
        hint = "recover without adapters, for instance by tune.v1, or do not share layers"
        raise UsageError(
            "another module shares its weight: what an adapter learns cannot be merged", where=shared[0], hint=hint
        )


@contextmanager
def add_adapters(
    model: nn.Module, paths: Sequence[str], *, rank: int, scale: float, generator: torch.Generator
) -> Iterator[dict[str, Adapter]]:
    """Inside, each named linear module has an adapter that adds nothing yet; the weights are not touched.

    Raises:
        UsageError: A module's weight is also a parameter of another module.
    """
    check_unshared(model, paths)
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
