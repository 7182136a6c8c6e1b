"""The losses of many examples as step functions of one limit, and the highest limit that holds a risk."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ctxprune.calibration.risk import count_fewest, holds_risk, prove_risk
from ctxprune.errors import UsageError
from ctxprune.utils.validation import is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["By", "Goal", "Loss", "LossSteps"]

Loss = Literal["strict", "recall"]
By = Literal["question", "left_out", "group"]
_HALVINGS = 12
_BELOW = 1e-6  # relative: the limit lies a hair under the score that it is for, which other machines round otherwise


@dataclass(frozen=True)
class Goal:
    """The goal of a calibration, checked."""

    risk: float
    loss: Loss
    by: By
    confidence: float | None

    def __post_init__(self) -> None:
        for name, value in (("risk", self.risk), ("confidence", self.confidence)):
            if not (is_number(value) and 0 < value < 1) and not (name == "confidence" and value is None):  # type: ignore[operator]
                raise UsageError(f"{name} is {value!r}", hint="give a number between 0 and 1")
        for name, given, known in (
            ("loss", self.loss, ("strict", "recall")),
            ("by", self.by, ("question", "left_out", "group")),
        ):
            if given not in known:
                raise UsageError(f"{name} is {given!r}", hint=f"give {' or '.join(map(repr, known))}")

    @property
    def whole(self) -> bool:
        """Whether the loss of an exchangeable unit is 0 or 1."""
        return self.loss == "strict" and self.by != "group"


@dataclass(frozen=True, eq=False)
class LossSteps:
    """The loss steps of many examples, from low limits to high.

    Attributes:
        limits, growths: float64 (n_steps,): above the limit the loss of the step's group is greater by that.
        owner: int (n_steps,), place of the group in `names`.
        names: Different groups.
        sizes: Questions of each group.
    """

    limits: NDArray[np.float64]
    growths: NDArray[np.float64]
    owner: NDArray[np.intp]
    names: tuple[str, ...]
    sizes: NDArray[np.intp]

    @classmethod
    def read(cls, groups: Sequence[str], curves: Sequence[Sequence[tuple[float, float]]], goal: Goal) -> LossSteps:
        """The steps of examples: the group of each, and its (limit, growth) pairs."""
        names, inverse = np.unique(groups, return_inverse=True)
        sizes = np.bincount(inverse, minlength=len(names))
        rows = [
            (limit, growth / (sizes[place] if goal.by == "group" else 1), place)
            for curve, place in zip(curves, inverse.tolist(), strict=True)
            for limit, growth in curve
        ]
        rows.sort()
        limits, growths, owner = zip(*rows, strict=True) if rows else ((), (), ())
        owners = np.array(owner, dtype=np.intp)
        return cls(np.array(limits, float), np.array(growths, float), owners, tuple(map(str, names)), sizes)

    def count(self, by: By) -> int:
        """Exchangeable units."""
        return len(self.names) if by == "group" else int(self.sizes.sum())

    def highest(self, goal: Goal, n: int, ceiling: float, *, without: int = -1) -> tuple[float, float]:
        """The highest limit that holds the risk over `n` units, and the sum of the losses there."""
        counted = self.owner != without
        limits, sums = self.limits[counted], np.cumsum(self.growths[counted])
        # Steps at one limit happen together: none of them can be taken without the others.
        ends = np.flatnonzero(np.append(limits[1:] != limits[:-1], True)[: len(limits)])  # last of those at one limit
        low, high = 0, len(ends)
        # The sums only rise, so that the highest limit is found by halving.
        while low < high:
            middle = (low + high) // 2
            if holds_risk(float(sums[ends[middle]]), n, goal.risk, goal.confidence, whole=goal.whole):
                low = middle + 1
            else:
                high = middle
        total = float(sums[ends[low - 1]]) if low else 0.0
        if low == len(ends):
            return ceiling, total
        limit = float(limits[ends[low]])
        return limit - _BELOW * abs(limit), total

    def careful(self, goal: Goal, ceiling: float) -> Goal:
        """The goal, with the risk lowered until left-out groups hold the risk that was asked; as low as it goes if they
        never do. The lower the risk, the lower every limit and what the left-out groups lose.

        Taking the highest limit that passes favours those that pass by luck; one group more than there are must pass.
        """
        # The largest group left out leaves the fewest questions to hold the risk with.
        fewer = self.count(goal.by) - int(self.sizes.max())
        if fewer < count_fewest(goal.risk, goal.confidence):
            return goal
        low, high = prove_risk(0.0, fewer, goal.confidence, whole=goal.whole), goal.risk
        middle, allowed = high, goal.risk * len(self.names) / (len(self.names) + 1)
        # Halving again: the loss of left-out groups falls with the risk, but has no closed form.
        for _ in range(_HALVINGS):
            lost = self.left_out(replace(goal, risk=middle), ceiling)
            if lost is not None and lost <= allowed:
                low = middle
            else:
                high = middle
            middle = (low + high) / 2
        return replace(goal, risk=low)

    def left_out(self, goal: Goal, ceiling: float) -> float | None:
        """Mean loss of groups at the limits that the other groups give; None where these are too few for the risk."""
        lost = 0.0
        for place, size in enumerate(self.sizes.tolist()):
            others = self.count(goal.by) - (1 if goal.by == "group" else size)
            if others < count_fewest(goal.risk, goal.confidence):
                return None
            limit, _ = self.highest(goal, others, ceiling, without=place)
            lost += float(self.growths[(self.owner == place) & (self.limits < limit)].sum())
        return lost / self.count(goal.by)
