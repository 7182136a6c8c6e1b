"""Nested keep sets: all units whose measure reaches a limit, with what must go with them."""

from __future__ import annotations

import weakref
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from ctxprune.calibration.measures import MEASURES
from ctxprune.errors import UsageError
from ctxprune.policies.base import GreedyPolicy, Policy, Request, Selection
from ctxprune.policies.threshold import Threshold
from ctxprune.utils.fingerprint import Identity, identity
from ctxprune.utils.validation import check_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.scores import Scores
    from ctxprune.scorers.base import Scorer

__all__ = ["CalibratedPolicy", "Closing", "KeepSets", "check_identity"]


@runtime_checkable
class Closing(Protocol):
    """A policy that also closes a given choice: it keeps these units and adds what they need."""

    def close(self, chosen: NDArray[np.bool_], request: Request) -> Selection:
        """All of `chosen`, bool (n_units,), closed over parents, requirements and pins."""
        ...


@dataclass(frozen=True)
class KeepSets:
    """How one limit becomes a keep set.

    Attributes:
        measure: Registered name of the measure (`ctxprune.calibration.measures`); without a version it becomes the
            newest one.
        closure: Adds what the chosen units need; any policy with `close` and without a limit of its own on tokens or
            units: Threshold() for plain contexts, JoinablePolicy() for schemas.

    Raises:
        UnknownNameError: No measure has that name.
        UsageError: The closure cannot close, or may leave out what was chosen.
    """

    measure: str = "size.v1"
    closure: Closing = field(default_factory=Threshold)

    def __post_init__(self) -> None:
        object.__setattr__(self, "measure", MEASURES.name_of(MEASURES.get(self.measure)))
        if not isinstance(self.closure, Closing) or isinstance(self.closure, type):
            raise UsageError(f"closure is {self.closure!r}", hint="give a policy with a method `close`")
        if isinstance(self.closure, GreedyPolicy) and self.closure.room(np.zeros(0, dtype=np.int64)).limit is not None:
            raise UsageError(
                f"{type(self.closure).__name__} has a budget, which no promised risk can respect",
                hint="calibrate with Threshold()",
            )

    def levels(self, scores: Scores) -> NDArray[np.float64]:
        """float64 (n_units,): the highest limit at which each unit is still chosen by itself."""
        levels = np.asarray(MEASURES.get(self.measure)(scores.astype(np.float64)), dtype=np.float64)
        if levels.shape != scores.shape or not np.isfinite(levels).all():
            raise UsageError("the measure gave no finite number for each unit", where=self.measure)
        return levels

    def close(self, chosen: NDArray[np.bool_], request: Request) -> Selection:
        """The keep set around `chosen`.

        Raises:
            UsageError: The closure left out a chosen unit.
        """
        selection = self.closure.close(chosen, request)
        if not selection.kept[chosen].all():
            raise UsageError("the closure dropped a unit that was chosen", where=type(self.closure).__name__)
        return selection


class _LastChecked:
    """The scorer that was checked last, so that checking it again costs nothing."""

    def __init__(self) -> None:
        self.reference: weakref.ref[Any] | None = None

    def __reduce__(self) -> tuple[type[_LastChecked], tuple[()]]:
        return type(self), ()


@dataclass(frozen=True)
class CalibratedPolicy(Policy):
    """Keeps the units whose measure reaches a calibrated limit, with what they need. Made by `Calibration.policy`.

    A `Pruner`, and with it every linker that has a scorer, refuses to combine it with another scorer than the one that
    it was calibrated for.

    Attributes:
        limit: From the calibration; a lower one keeps more.
        sets: How the limit becomes a keep set.
        scorer: Whose scores the limit is for.

    Raises:
        UsageError: The limit is not a finite number.
    """

    limit: float
    sets: KeepSets
    scorer: Identity
    _checked: _LastChecked = field(default_factory=_LastChecked, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_number("limit", self.limit)

    def select(self, request: Request) -> Selection:
        """See `Policy.select`; nothing but pins where no unit reaches the limit."""
        return self.sets.close(self.sets.levels(request.scores) >= self.limit, request)

    def select_fallback(self, request: Request) -> Selection:
        """The best unit with what it needs, for `on_empty`."""
        best = np.zeros(len(request.scores), dtype=np.bool_)
        # The best by score and not by level: measures never put another unit above it.
        best[int(np.argmax(request.scores))] = True
        selection = self.sets.close(best, request)
        reasons = ("fallback" if reason == "selected" else reason for reason in selection.reasons)
        return Selection(selection.kept, tuple(reasons))

    def check_scorer(self, scorer: Scorer) -> None:
        """Make sure that `scorer` is the one of the calibration.

        Raises:
            UsageError: It has another class, other weights or other parameters, or cannot be fingerprinted.
        """
        # Fingerprints hash the weights of a model; one object is checked once, not with every question.
        if self._checked.reference is not None and self._checked.reference() is scorer:
            return
        check_identity("scorer", scorer, self.scorer)
        try:
            self._checked.reference = weakref.ref(scorer)
        except TypeError:
            return


def check_identity(noun: str, value: object, expected: Identity) -> None:
    """Raise UsageError where `value` is not what `expected` names."""
    found = identity(value)
    if found != expected:
        what = f"{noun} of other parameters" if found.name == expected.name else f"other {noun}"
        raise UsageError(
            f"the calibration was made for the {noun} {expected}, not for {found}",
            hint=f"calibrate anew for the {what}, for instance with: ctxprune calibrate",
        )
