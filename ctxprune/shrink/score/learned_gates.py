"""Gates that are learned with frozen weights: a gate that stays open marks an important unit.

Louizos and others (L0), ICLR 2018; with a Lagrangian to the target as in CoFi (Xia and others, ACL 2022). The weights
of a unit's gate say how much the loss wants it, under the pressure of the budget.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.shape import Shape
from ctxprune.shrink.learning.hard_concrete import GateTraining, learn_gates
from ctxprune.shrink.learning.losses import layered_loss
from ctxprune.shrink.model.coupled import coupled_costs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["LearnedGates", "constraint_of"]


@dataclass(frozen=True)
class LearnedGates:
    """The gates' parameters after training, with the weights as they are; data and a teacher, no labels.

    Attributes:
        steps: Of the optimiser.
        rate: Of gates and Lagrangian.
        layers: Weight of the distance to the teacher's layers.
        towards: "cost" (the expected cost) or "shape" (the expected number in each group; see `Shape`).
    """

    steps: int = 200
    rate: float = 0.1
    layers: float = 0.0
    towards: str = "cost"

    def __post_init__(self) -> None:
        GateTraining(self.steps, self.rate)
        if self.towards not in ("cost", "shape"):
            raise UsageError(f"towards is {self.towards!r}", hint="'cost' or 'shape'")

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float32 (count,): the parameter a of each gate, comparable over groups.

        Raises:
            UsageError: There is no budget.
        """
        constraint = constraint_of(subject, groups, self.towards)
        return learn_gates(
            subject, groups, constraint, GateTraining(self.steps, self.rate), layered_loss(subject, self.layers)
        )


def constraint_of(
    subject: Subject, groups: Sequence[Group], towards: str, shape: Shape | None = None
) -> Callable[[Mapping[Key, Tensor]], Tensor]:
    """How far expected shares are above their targets: of the whole cost, or of each group's count."""
    # as shares, so that the pressure is of one size whatever the measure counts
    budget = subject.needed_budget()
    if towards == "shape":
        sizes = {group.key: group.count for group in groups}
        counts = (shape or Shape()).counts(subject, sizes, budget)
        return lambda open_: torch.stack(
            [open_[key].double().mean() - counts[key] / size for key, size in sizes.items()]
        )
    prices = coupled_costs(subject.model, budget.measure)
    whole = float(prices.cost({}))
    return lambda open_: ((prices.cost(open_) - (whole - budget.remove)) / whole)[None]
