"""What policies that wrap another policy share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ctxprune.context.closure import Closure
from ctxprune.context.part import Part
from ctxprune.errors import BudgetError, UsageError
from ctxprune.policies.base import POLICIES, Policy, Selection, Threshold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.base import Scorer

    Select = Callable[[Scores, Context[Any], NDArray[np.int64]], Selection]

__all__ = ["WrappedPolicy", "best_of", "closed", "select_within"]

W = TypeVar("W", bound="WrappedPolicy")


class WrappedPolicy:
    """Base of a frozen dataclass with a field `policy`; hands on budget, scorer check and name."""

    policy: Policy
    word = ""  # what the wrapping adds to the name

    def __post_init__(self) -> None:
        if not isinstance(self.policy, Policy) or isinstance(self.policy, type):
            raise UsageError(f"policy is {self.policy!r}", hint="give a policy, such as TokenBudget(500)")

    @property
    def name(self) -> str:
        """Name of the wrapped policy and of what is added to it."""
        return f"{getattr(self.policy, 'name', '') or POLICIES.name_of(type(self.policy))} + {self.word}"

    @property
    def budget(self) -> int | None:
        """Tokens that the wrapped policy may spend; None without a limit."""
        return getattr(self.policy, "budget", None)

    def tightened(self: W, by: int) -> W:
        """The same with `by` tokens less; for policies with a budget."""
        tighter = getattr(self.policy, "tightened", None)
        if tighter is None:
            raise BudgetError(f"what is kept renders over the budget by {by} tokens", hint="raise the budget")
        return replace(self, policy=tighter(by))  # type: ignore[type-var]  # subclasses are dataclasses

    def check_scorer(self, scorer: Scorer) -> None:
        """See `CalibratedPolicy.check_scorer`."""
        if (check := getattr(self.policy, "check_scorer", None)) is not None:
            check(scorer)


def best_of(policy: Policy) -> Select:
    """The policy's way to choose where nothing reaches its cut."""
    select: Select = getattr(policy, "select_best", Threshold().select_best)
    return select


def closed(mask: NDArray[np.bool_], context: Context[Any]) -> NDArray[np.bool_]:
    """bool (n_units,): `mask` with all pinned units and all that its units need."""
    closure = Closure(context.units)
    kept = np.zeros(len(closure), dtype=np.bool_)
    for index in (*closure.pinned, *np.flatnonzero(mask)):
        kept[closure.missing(int(index), kept)] = True
    return kept


def select_within(
    select: Select,
    among: NDArray[np.bool_],
    scores: Scores,
    context: Context[Any],
    tokens: NDArray[np.int64],
    *,
    reasons: Mapping[int, str],
) -> Selection:
    """What `select` keeps of the units `among`, bool (n_units,) and closed; the others are dropped for `reasons`."""
    if among.all():
        return select(scores, context, tokens)
    chosen = np.flatnonzero(among)
    found = select(scores[chosen], Part(context, chosen), tokens[chosen])
    kept = np.zeros(len(among), dtype=np.bool_)
    kept[chosen] = found.kept
    words = dict(zip(chosen.tolist(), found.reasons, strict=True)) | dict(reasons)
    return Selection(kept, tuple(words[index] for index in range(len(among))))
