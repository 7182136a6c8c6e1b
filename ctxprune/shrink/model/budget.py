"""How much a round, a stage or a recipe has to take out of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ctxprune.shrink.model.anatomy import Group, Key


@dataclass(frozen=True)
class Budget:
    """How much has to go.

    Attributes:
        groups: Of the units that may go.
        costs: Of each unit, in the target's measure: float64 (count,) by group. For single weights empty.
        remove: At least so much of it goes; for single weights the share of all of them that is zero afterwards.
        at_once: Most units that may go in this round; None for any number.
        measure: What costs are in; one of `ctxprune.shrink.model.cost.MEASURES`.
    """

    groups: Sequence[Group]
    costs: Mapping[Key, Tensor]
    remove: float
    at_once: int | None = None
    measure: str = "flops"

    @property
    def total(self) -> float:
        """What all units cost together."""
        return float(sum(float(cost.sum()) for cost in self.costs.values()))

    @property
    def share(self) -> float:
        """The part of all units' cost that goes, 0..1."""
        return min(self.remove / self.total, 1.0) if self.total else 0.0

    def gone(self, kept: Mapping[Key, Tensor]) -> float:
        """The cost of what a choice takes out."""
        return float(sum(float(self.costs[key][~mask].sum()) for key, mask in kept.items() if key in self.costs))
