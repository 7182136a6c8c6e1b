"""Additions to the weights of linear modules: trained apart from the modules, merged at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.training import train
from ctxprune.shrink.model.cost import matrices
from ctxprune.shrink.model.subject import module_of

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.shrink.learning.losses import Objective
    from ctxprune.shrink.learning.training import Schedule
    from ctxprune.shrink.model.subject import Subject

__all__ = ["linear_modules", "train_deltas"]

Deltas = Mapping[str, tuple[Sequence[nn.Parameter], Callable[[], "Tensor"]]]
"""By a linear module's dotted name: what is trained, and the change of its weight that this makes, of its shape."""


def linear_modules(subject: Subject) -> list[str]:
    """Dotted names of the linear modules in the layers.

    Raises:
        UsageError: There are none.
    """
    paths = [name.rpartition(".")[0] for name in matrices(subject.model) if name.endswith(".weight")]
    found = [path for path in paths if isinstance(module_of(subject.model, path), nn.Linear)]
    if not found:
        raise UsageError("the model's layers have no linear modules")
    return found


def train_deltas(subject: Subject, schedule: Schedule, deltas: Deltas, aim: Objective) -> None:
    """Train the deltas with the weights as they are, then add them to the weights; masked weights stay zero."""

    def whole(path: str) -> Tensor:
        delta, mask = deltas[path][1](), subject.masks.get(f"{path}.weight")
        return delta if mask is None else delta * mask

    def added(path: str) -> Callable[..., Tensor]:
        def after(_: nn.Module, given: tuple[Any, ...], result: Tensor) -> Tensor:
            return result + functional.linear(given[0], whole(path).to(given[0].dtype))

        return after

    handles = [module_of(subject.model, path).register_forward_hook(added(path)) for path in deltas]
    try:
        chosen = [entry for parameters, _ in deltas.values() for entry in parameters]
        train(subject, schedule, parameters=[*chosen, *aim.parameters], loss=aim.loss)
    finally:
        for handle in handles:
            handle.remove()
    with torch.no_grad():
        for path in deltas:
            weight = module_of(subject.model, path).weight
            weight += whole(path).to(weight.dtype)
    total = sum(entry.numel() for entry in subject.model.parameters())
    count = sum(entry.numel() for entry in chosen)
    subject.notes["adapters"] = {"parameters": count, "share": count / total}
