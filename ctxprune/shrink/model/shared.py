"""A linear module that uses another one's weights, with a low-rank difference and a scale of its own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from ctxprune.errors import FormatError
from ctxprune.shrink.model.families.base import replace_module


class SharedLinear(nn.Linear):
    """x -> scale * ((W + U D) x) + b, where W is a parameter of another module and the rest is this one's.

    Args:
        base: Whose weights are used; both are one parameter afterwards.
        own: The module that this one replaces: U D is the best difference of that rank, the scale makes each row as
            near to its own as it can be, and the bias is its own.
        rank: Of the difference, from 1 up.
    """

    def __init__(self, base: nn.Linear, own: nn.Linear, rank: int) -> None:
        super().__init__(own.in_features, own.out_features, bias=False, device="meta")
        self.weight = base.weight
        self.bias = own.bias
        wanted, given = own.weight.detach(), base.weight.detach()
        up, down = low_rank(wanted - given, rank)
        self.up, self.down = nn.Parameter(up), nn.Parameter(down)
        found = given + up @ down
        self.scale = nn.Parameter((wanted * found).sum(1) / found.square().sum(1).clamp(min=1e-12))

    def forward(self, states: Tensor) -> Tensor:
        """(…, inputs) in, (…, outputs) out."""
        found = functional.linear(states, self.weight) + functional.linear(
            functional.linear(states, self.down), self.up
        )
        result = found * self.scale
        return result if self.bias is None else result + self.bias

    def whole(self) -> Tensor:
        """The matrix that it multiplies with, written out: (outputs, inputs)."""
        return ((self.weight + self.up @ self.down) * self.scale[:, None]).detach()


def low_rank(matrix: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """The best approximation of that rank as a product: (rows, rank) and (rank, columns)."""
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    roots = values[:rank].sqrt()
    return cast("Tensor", (left[:, :rank] * roots).contiguous()), (roots[:, None] * right[:rank]).contiguous()


def shared_weights(model: nn.Module) -> list[tuple[str, str, int]]:
    """Which linear modules use whose weights: dotted names of both, and the rank of the difference."""
    # the owner is found by identity, since a manifest needs a name for the shared parameter
    owners = {
        id(module.weight): path
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear) and not isinstance(module, SharedLinear)
    }
    return [
        (path, owners[id(module.weight)], module.up.shape[1])
        for path, module in model.named_modules()
        if isinstance(module, SharedLinear)
    ]


def restore_shared_weights(model: nn.Module, entries: Iterable[tuple[str, str, int]]) -> None:
    """Let modules share weights again as `shared_weights` found it; their values are filled in afterwards."""
    for path, base, rank in entries:
        owner, own = model.get_submodule(base), model.get_submodule(path)
        if not isinstance(owner, nn.Linear) or not isinstance(own, nn.Linear):
            raise FormatError(f"{path} cannot share with {base}", where=path, hint="shrink the model anew")
        replace_module(model, path, SharedLinear(owner, own, rank))
