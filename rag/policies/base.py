"""The base of policies that wrap another policy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from ctxprune.context.closure import Closure
from ctxprune.context.subset import ContextSubset
from ctxprune.policies.base import Policy, Request, Selection, as_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ctxprune.context.base import Context

    Select = Callable[[Request], Selection]

__all__ = ["WrappedPolicy", "close_mask", "select_within"]

W = TypeVar("W", bound="WrappedPolicy")


class WrappedPolicy(Policy):
    """Base of a frozen dataclass with a field `policy`; hands on budget, scorer check and name."""

    policy: Policy
    word = ""  # what the wrapping adds to the name

    def __post_init__(self) -> None:
        object.__setattr__(self, "policy", as_policy(self.policy))

    @property
    def name(self) -> str:
        """Name of the wrapped policy and of what is added to it."""
        return f"{self.policy.name} + {self.word}"

    @property
    def budget(self) -> int | None:
        """Tokens that the wrapped policy may spend; None without a limit."""
        return self.policy.budget

    def with_budget(self: W, tokens: int) -> W:
        """The same around the wrapped policy with another budget; itself where that cannot be changed."""
        inner = self.policy.with_budget(tokens)
        return self if inner is self.policy else replace(self, policy=inner)  # type: ignore[type-var]  # a dataclass

    def for_tokens(self, whole: int) -> Policy:
        """The same around the wrapped policy for a context of `whole` tokens."""
        inner = self.policy.for_tokens(whole)
        return self if inner is self.policy else replace(self, policy=inner)  # type: ignore[type-var]  # a dataclass

    def check_scorer(self, scorer: Any) -> None:
        """See `CalibratedPolicy.check_scorer`."""
        self.policy.check_scorer(scorer)


def close_mask(mask: NDArray[np.bool_], context: Context[Any]) -> NDArray[np.bool_]:
    """bool (n_units,): `mask` with all pinned units and all that its units need."""
    closure = Closure(context.units)
    kept = np.zeros(len(closure), dtype=np.bool_)
    # Pinned units first: a wrapper may leave out what it likes, but not what the user pinned.
    for index in (*closure.pinned, *np.flatnonzero(mask)):
        kept[closure.missing(int(index), kept)] = True
    return kept


def select_within(
    select: Select, among: NDArray[np.bool_], request: Request, *, reasons: Mapping[int, str]
) -> Selection:
    """What `select` keeps of the units `among`, bool (n_units,) and closed; the others are dropped for `reasons`."""
    if among.all():
        return select(request)
    chosen = np.flatnonzero(among)
    # The inner policy sees a context of its own, so that what was left out cannot come back as a requirement.
    subset = Request(
        request.query,
        ContextSubset(request.context, chosen),
        request.scores[chosen],
        request.tokens[chosen],
        None if request.required is None else request.required[chosen],
    )
    found = select(subset)
    kept = np.zeros(len(among), dtype=np.bool_)
    kept[chosen] = found.kept
    words = dict(zip(chosen.tolist(), found.reasons, strict=True)) | dict(reasons)
    return Selection(kept, tuple(words[index] for index in range(len(among))))
