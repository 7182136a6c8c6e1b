"""Additions to the weights of linear modules: trained apart from the modules, merged at the end.

`DeltaRecovery` is the base class of the recoveries that train them.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ctxprune.shrink.learning.adapters import check_unshared
from ctxprune.shrink.learning.losses import LOSSES, Objective, build_objective
from ctxprune.shrink.learning.training import TOWARDS, Schedule, train
from ctxprune.shrink.model.gate_hooks import temporary_hooks
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.types import Callable, Mapping, Sequence, Subject, Tensor
from ctxprune.utils.validation import check_choice, check_number, check_whole, checked_field

Deltas = Mapping[str, tuple[Sequence[nn.Parameter], Callable[[], Tensor]]]
"""By a linear module's dotted name: what is trained, and the change of its weight that this makes, of its shape."""


@dataclass(frozen=True)
class DeltaRecovery(Training, ABC):
    """Trains an addition to each matrix of the layers; a dataclass below it says what the additions are.

    Attributes:
        rank: Size of each addition.
        scale: Of the product, above 0.
        loss: As in `tune.v1`.
    """

    steps: int = checked_field(100, check_whole)
    towards: str = checked_field("teacher", check_choice, TOWARDS)
    rank: int = checked_field(8, check_whole)
    scale: float = checked_field(1.0, check_number, over=0)
    loss: str = checked_field("output", check_choice, LOSSES)

    @abstractmethod
    def build_deltas(self, subject: Subject) -> Deltas:
        """The additions before training, by the dotted names of linear modules."""

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its matrices changed in place; the share of parameters is noted as "adapters"."""
        deltas = self.build_deltas(subject)
        objective = build_objective(subject, self.loss, towards=self.towards)
        train_deltas(subject, Schedule(self.steps, self.rate), deltas, objective)
        return subject


def train_deltas(subject: Subject, schedule: Schedule, deltas: Deltas, aim: Objective) -> None:
    """Train the deltas with the weights as they are, then add them to the weights; masked weights stay zero.

    Raises:
        UsageError: A weight is also a parameter of another module, which the merged delta would change.
    """
    check_unshared(subject.model, list(deltas))

    def whole(path: str) -> Tensor:
        delta, mask = deltas[path][1](), subject.masks.get(f"{path}.weight")
        return delta if mask is None else delta * mask

    def added(path: str) -> Callable[..., Tensor]:
        def after(_: nn.Module, given: tuple[Any, ...], result: Tensor) -> Tensor:
            return result + functional.linear(given[0], whole(path).to(given[0].dtype))

        return after

    chosen = [entry for parameters, _ in deltas.values() for entry in parameters]
    with temporary_hooks() as handles:
        handles += [module_of(subject.model, path).register_forward_hook(added(path)) for path in deltas]
        train(subject, schedule, parameters=[*chosen, *aim.parameters], loss=aim.loss)
    with torch.no_grad():
        for path in deltas:
            weight = module_of(subject.model, path).weight
            weight += whole(path).to(weight.dtype)
    total = sum(entry.numel() for entry in subject.model.parameters())
    count = sum(entry.numel() for entry in chosen)
    subject.notes["adapters"] = {"parameters": count, "share": count / total}
