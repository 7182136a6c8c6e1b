"""Policies: from scores to what is kept. The closure over parents, requirements and pins is part of the choice."""

from __future__ import annotations

import inspect
import warnings
from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import original_context
from ctxprune.context.closure import Closure
from ctxprune.context.scores import as_scores
from ctxprune.errors import UsageError
from ctxprune.policies.selection import Chooser, Request, Room, Selection, as_tokens
from ctxprune.registry import Registry
from ctxprune.utils.foreign import foreign_attribute, foreign_method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = [
    "POLICIES",
    "AdaptedPolicy",
    "AxisPolicy",
    "GreedyPolicy",
    "Policy",
    "Request",
    "Selection",
    "as_policy",
]

POLICIES: Registry[type[Policy]] = Registry(
    "policy",
    {
        "adaptive.v1": "ctxprune.policies.adaptive:Adaptive",
        "cell_share.v1": "ctxprune.policies.cell_share:CellShare",
        "largest_gap.v1": "ctxprune.policies.adaptive:LargestGap",
        "table_budget.v1": "ctxprune.policies.table_budget:TableBudget",
        "threshold.v1": "ctxprune.policies.threshold:Threshold",
        "token_budget.v1": "ctxprune.policies.token_budget:TokenBudget",
        "top_k.v1": "ctxprune.policies.top_k:TopK",
    },
)


class Policy(ABC):
    """Chooses units by their scores. A subclass has `select`, and overrides what else applies to it.

    Attributes:
        budget: Tokens that the kept units, and the text they render to, may take; None without a limit.
        name: For the account; the registered name, or that of the class.

    Examples:
        ```python
        import numpy as np

        from ctxprune import Policy, Request, Selection, prune


        # keeps what scores above the mean of its context; for units that need no others
        class AboveMean(Policy):
            def select(self, request: Request) -> Selection:
                kept = request.scores > request.scores.mean()
                return Selection(
                    kept, tuple("selected" if one else "score" for one in kept)
                )


        text = "The bridge is long. It opened in 1933. Cats sleep."
        print(prune("When did it open?", text, policy=AboveMean()).output)
        # It opened in 1933.
        ```
    """

    # Type checkers see read-only properties, so that a subclass may have fields or properties in their place; see
    # `ctxprune.context.base.Context`.
    if TYPE_CHECKING:

        @property
        def budget(self) -> int | None: ...
    else:
        budget = None

    @abstractmethod
    def select(self, request: Request) -> Selection:
        """What to keep, closed over parents, requirements and pins.

        Raises:
            BudgetError: Pinned units with all they require exceed the policy's limit.
            UsageError: Shapes that do not match, scores that are not finite, links to units that do not exist.
        """

    def select_fallback(self, request: Request) -> Selection:
        """What to keep where `select` chose nothing beyond the pinned units: by default the best unit, whatever its
        score, with all it needs. Raises as `select`."""
        scores, tokens = check_numbers(request, "Threshold")
        order, chooser = start_choice(request, scores, Room(tokens, None, "tokens"))
        add_best(order, chooser, "score")
        return chooser.selection()

    def with_budget(self, tokens: int) -> Policy:
        """The same policy with another budget, of at least 0 tokens; itself where the budget cannot be changed."""
        del tokens
        return self

    def for_tokens(self, whole: int) -> Policy:
        """The policy for a context of `whole` tokens: of a share of them the policy with that budget; else itself."""
        del whole
        return self

    def check_scorer(self, scorer: Any) -> None:
        """Make sure that the policy may be used with `scorer`; any will do unless a subclass says otherwise.

        Raises:
            UsageError: The policy was calibrated for another scorer.
        """
        del scorer

    @property
    def name(self) -> str:
        """The registered name; that of the class where it has none."""
        return POLICIES.name_of(type(self))

    @property
    def class_name(self) -> str:
        """What messages call the policy."""
        return type(self).__name__


def check_numbers(request: Request, where: str) -> tuple[Scores, NDArray[np.int64]]:
    """The request's scores, float32 (n_units,), and tokens, int64 (n_units,).

    Raises:
        UsageError: As `Policy.select`; `where` names the policy.
    """
    size = len(request.context.units)
    return as_scores(request.scores, size, source=where), as_tokens(request.tokens, size)


def start_choice(request: Request, scores: Scores, room: Room) -> tuple[NDArray[np.int64], Chooser]:
    """All units from best to worst, int64 (n_units,), and a chooser that holds the pinned and the required units.

    Equal scores stay in source order. Raises as `Policy.select`.
    """
    chooser = Chooser(Closure(request.context.units), room)
    chooser.add_together(request.required_units, "demanded")
    return np.argsort(-scores, kind="stable"), chooser


def add_best(order: NDArray[np.int64], chooser: Chooser, otherwise: str) -> int | None:
    """Add the first unit of `order` that there is room for; its index, None if there is none."""
    for index in order.tolist():
        if chooser.add(index, "fallback", otherwise):
            return int(index)
    return None


class GreedyPolicy(Policy):
    """Base that owns order, closure, room and reasons; a subclass says how many of the best units are worth keeping."""

    full = "score"  # reason for units above the cut that did not fit

    @abstractmethod
    def count_worthy(self, ranked: Scores) -> int:
        """How many of the best units to try; `ranked` (n_units,) holds the scores from best to worst."""

    def room(self, tokens: NDArray[np.int64]) -> Room:
        """What may be spent; unlimited unless a subclass says otherwise."""
        return Room(tokens, None, "tokens")

    def free_units(self, context: Context[Any]) -> list[int]:
        """Units that cost nothing; none unless a subclass says otherwise."""
        del context
        return []

    def split(self, order: NDArray[np.int64], request: Request) -> list[tuple[NDArray[np.int64], int]]:
        """Parts of `order`, all units from best to worst, and how many of each to try; one part unless a subclass says
        otherwise."""
        return [(order, self.count_worthy(request.scores[order]))]

    def select(self, request: Request) -> Selection:
        """See `Policy.select`. Equal scores go in source order; a unit without room is passed over, not an end."""
        order, chooser = self.start(request)
        required = np.isin(np.arange(len(order)), chooser.required)
        for ranked, cut in self.split(order, request):
            worthy = ranked[:cut]
            # Required units that had no room together come first here, the best of them before the others.
            chooser.add_ranked(worthy[np.argsort(~required[worthy], kind="stable")], "selected", self.full)
        return chooser.selection()

    def select_fallback(self, request: Request) -> Selection:
        """The best unit that there is room for, beside the pinned ones, whatever its score; see `Policy.select`."""
        order, chooser = self.start(request)
        add_best(order, chooser, self.full)
        return chooser.selection()

    def close(self, chosen: NDArray[np.bool_], request: Request) -> Selection:
        """What is kept if the units of `chosen`, bool (n_units,), are wanted: they and all they need, best first, as
        far as there is room. Raises as `Policy.select`."""
        order, chooser = self.start(request)
        chooser.add_ranked(order[chosen[order]], "selected", self.full)
        return chooser.selection()

    def start(self, request: Request) -> tuple[NDArray[np.int64], Chooser]:
        """All units from best to worst, and a chooser with the policy's room; see `start_choice`."""
        scores, tokens = check_numbers(request, self.class_name)
        room = self.room(tokens)
        if free := self.free_units(request.context):
            prices = room.prices.copy()
            prices[free] = 0
            room = replace(room, prices=prices)
        return start_choice(request, scores, room)


class AxisPolicy(GreedyPolicy):
    """Base of policies that compare scores with each other: columns of a table with columns, rows with rows.

    Where nothing is chosen of one axis and something of the other, all of it is kept: its scores justify no cut.
    """

    def split(self, order: NDArray[np.int64], request: Request) -> list[tuple[NDArray[np.int64], int]]:
        """Columns and rows of each table whose columns are units, then all other units."""
        scores = request.scores
        rest = np.ones(len(order), dtype=np.bool_)
        found = []
        for grid in request.context.grids:
            if not grid.column_units:
                continue
            # Scores of columns and of rows mostly mean different things: the best row does not say where to cut the
            # columns.
            axes = [order[np.isin(order, units)] for units in (grid.column_units, grid.row_units)]
            counts = [self.count_worthy(scores[axis]) for axis in axes]
            found += [(axis, count or len(axis) * any(counts)) for axis, count in zip(axes, counts, strict=True)]
            rest &= ~np.isin(order, np.concatenate(axes))
        others = order[rest]
        return [*found, (others, self.count_worthy(scores[others]))]


class AdaptedPolicy(Policy):
    """A user's object with `select`, and any of the optional members of `Policy`.

    `select(request)` is the form of this release; one with the three arguments `(scores, context, tokens)` of earlier
    ones still works. Their `select_best` and `tightened(by)` stand for `select_fallback` and `with_budget`.
    """

    def __init__(self, origin: Any) -> None:
        self.origin = origin
        self._takes_request = _takes_request(origin.select)

    def __eq__(self, other: object) -> bool:
        # Wrapping policies hold this object in place of the user's own, and compare by it.
        return isinstance(other, AdaptedPolicy) and bool(self.origin == other.origin)

    def __hash__(self) -> int:
        return hash(type(self.origin))  # the object itself need not be hashable

    @property
    def budget(self) -> int | None:
        """The object's own; None where it has none."""
        budget: int | None = foreign_attribute(self.origin, "budget")
        return budget

    @property
    def name(self) -> str:
        """The object's own; the registered name or that of its class where it has none."""
        return foreign_attribute(self.origin, "name") or POLICIES.name_of(type(self.origin))

    @property
    def class_name(self) -> str:
        """That of the object."""
        return type(self.origin).__name__

    def select(self, request: Request) -> Selection:
        """What the object selects."""
        return self._call(self.origin.select, request)

    def select_fallback(self, request: Request) -> Selection:
        """What the object selects as a fallback; the best unit where it has no way to."""
        method = foreign_method(self.origin, "select_fallback", "select_best")
        return super().select_fallback(request) if method is None else self._call(method, request)

    def with_budget(self, tokens: int) -> Policy:
        """The adapted object with another budget; itself where it has no way to change it."""
        if (method := foreign_method(self.origin, "with_budget")) is not None:
            return as_policy(method(tokens))
        method, budget = foreign_method(self.origin, "tightened"), self.budget
        return self if method is None or budget is None else AdaptedPolicy(method(budget - tokens))

    def check_scorer(self, scorer: Any) -> None:
        """What the object checks, if it does."""
        if (method := foreign_method(self.origin, "check_scorer")) is not None:
            method(scorer)

    def _call(self, method: Any, request: Request) -> Selection:
        if self._takes_request:
            return as_selection(method(request))
        return as_selection(method(request.scores, original_context(request.context), request.tokens))


def as_policy(value: Any, name: str = "policy") -> Policy:
    """`value` as a `Policy`: itself, or adapted where it merely has `select`.

    Args:
        value: What should be a policy.
        name: The argument that it came in, for the message.

    Raises:
        UsageError: It has no `select`, or is a class in place of an object.
    """
    if isinstance(value, Policy):
        return value
    if isinstance(value, type) or foreign_method(value, "select") is None:
        lacks = "it is a class" if isinstance(value, type) else "it has no `select`"
        raise UsageError(f"{name} is {value!r}", hint=f"give a policy, such as TokenBudget(500); {lacks}")
    adapted = AdaptedPolicy(value)
    if not adapted._takes_request:
        warnings.warn(
            f"{type(value).__name__}.select takes (scores, context, tokens): let it take one Request",
            DeprecationWarning,
            stacklevel=3,
        )
    return adapted


def as_selection(value: Selection | NDArray[np.bool_]) -> Selection:
    """A policy's answer as a `Selection`: a bare mask, bool (n_units,), gets plain reasons."""
    if isinstance(value, Selection):
        return value
    mask = np.asarray(value)
    return Selection(mask, tuple("selected" if kept else "score" for kept in mask.ravel()))


def _takes_request(select: Any) -> bool:
    """Whether a `select` takes one argument; False for the three of earlier releases."""
    try:
        parameters = inspect.signature(select).parameters.values()
    except (TypeError, ValueError):  # a function written in C has no signature to read
        return True
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    return sum(one.default is one.empty for one in positional) < 3
