"""Policies: from scores to what is kept. The closure over parents, requirements and pins is part of the choice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from ctxprune.context.closure import Closure
from ctxprune.context.demand import demanded_units
from ctxprune.context.grid import column_units, grids_of
from ctxprune.context.scores import as_scores
from ctxprune.errors import BudgetError, UsageError
from ctxprune.registry import Registry
from ctxprune.utils.validation import is_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["POLICIES", "Adaptive", "LargestGap", "Policy", "Selection", "Threshold", "TokenBudget", "TopK"]

POLICIES: Registry[type[Policy]] = Registry(
    "policy",
    {
        "cell_share.v1": "ctxprune.policies.table_budget:CellShare",
        "table_budget.v1": "ctxprune.policies.table_budget:TableBudget",
    },
)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a policy keeps, and why.

    Attributes:
        kept: bool (n_units,).
        reasons: One word a unit, what first decided. Kept: "selected", "pinned", "required" (by a unit kept before it),
            "demanded" (by the question, see `ctxprune.context.demand`), "fallback" (`on_empty`).
            Dropped: "score" (too low), "rank" (no room among the k best), "budget" (no room in the token budget),
            "demanded" (though it is, since not all that are had room together).
    """

    kept: NDArray[np.bool_]
    reasons: tuple[str, ...]


@runtime_checkable
class Policy(Protocol):
    """Chooses units by their scores."""

    def select(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """What to keep, closed over parents, requirements and pins.

        Args:
            scores: float32 (n_units,), finite, higher = keep.
            context: The units; `render` is not called.
            tokens: int64 (n_units,), tokens of each unit's text.

        Raises:
            BudgetError: Pinned units with all they require exceed the policy's limit.
            UsageError: Shapes that do not match, scores that are not finite, bindings to units that do not exist.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Room:
    """What may be spent: each unit has a price, and the prices of all kept units stay within the limit."""

    prices: NDArray[np.int64]
    limit: int | None
    noun: str


class ClosedPolicy(ABC):
    """Base that owns order, closure, room and reasons; a subclass says how many of the best units are worth keeping."""

    full = "score"  # why a unit is dropped that the cut let through but that found no room

    @abstractmethod
    def worth(self, ranked: Scores) -> int:
        """How many of the best units to try; `ranked` (n_units,) holds the scores from best to worst."""

    def room(self, tokens: NDArray[np.int64]) -> _Room:
        """What may be spent; unlimited unless a subclass says otherwise."""
        return _Room(tokens, None, "tokens")

    def select(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """See `Policy.select`. Equal scores go in source order; a unit without room is passed over, not an end."""
        order, chooser = self._chooser(scores, context, tokens)
        demanded = np.isin(np.arange(len(order)), chooser.wanted)
        for ranked, cut in self.cuts(order, scores, context):
            tried = ranked[:cut]
            chooser.add_ranked(tried[np.argsort(~demanded[tried], kind="stable")], "selected", self.full)
        return chooser.selection()

    def free(self, context: Context[Any]) -> list[int]:
        """Units that cost nothing; none unless a subclass says otherwise."""
        del context
        return []

    def cuts(
        self, order: NDArray[np.int64], scores: Scores, context: Context[Any]
    ) -> list[tuple[NDArray[np.int64], int]]:
        """Parts of `order`, all units from best to worst, and how many of each to try; one part unless a subclass says
        otherwise."""
        del context
        return [(order, self.worth(scores[order]))]

    def select_best(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """The best unit that there is room for, beside the pinned ones, whatever its score; see `Policy.select`."""
        order, chooser = self._chooser(scores, context, tokens)
        for index in order.tolist():
            if chooser.add(index, "fallback", self.full):
                break
        return chooser.selection()

    def close(
        self, chosen: NDArray[np.bool_], scores: Scores, context: Context[Any], tokens: NDArray[np.int64]
    ) -> Selection:
        """What is kept if the units of `chosen`, bool (n_units,), are wanted: they and all they need, best first, as
        far as there is room. Raises as `Policy.select`."""
        order, chooser = self._chooser(scores, context, tokens)
        chooser.add_ranked(order[chosen[order]], "selected", self.full)
        return chooser.selection()

    def _chooser(
        self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], _Chooser]:
        size = len(context.units)
        scores = as_scores(scores, size, source=type(self).__name__)
        tokens = _as_tokens(tokens, size)
        room = self.room(tokens)
        if free := self.free(context):
            prices = room.prices.copy()
            prices[free] = 0
            room = replace(room, prices=prices)
        chooser = _Chooser(Closure(context.units), room)
        chooser.add_together(demanded_units(context), "demanded")
        return np.argsort(-scores, kind="stable"), chooser


class ByAxis(ClosedPolicy):
    """Base of policies that compare scores with each other: columns of a table with columns, rows with rows.

    Where nothing is chosen of the one and something of the other, all of the one is: nothing told it apart.
    """

    def cuts(
        self, order: NDArray[np.int64], scores: Scores, context: Context[Any]
    ) -> list[tuple[NDArray[np.int64], int]]:
        """Columns and rows of each table whose columns are units, then all other units."""
        rest = np.ones(len(order), dtype=np.bool_)
        found = []
        for grid in grids_of(context):
            if not grid.column_units:
                continue
            axes = [order[np.isin(order, units)] for units in (grid.column_units, grid.row_units)]
            counts = [self.worth(scores[axis]) for axis in axes]
            found += [(axis, count or len(axis) * any(counts)) for axis, count in zip(axes, counts, strict=True)]
            rest &= ~np.isin(order, np.concatenate(axes))
        others = order[rest]
        return [*found, (others, self.worth(scores[others]))]


class _Chooser:
    """Adds units, each with all it needs, while there is room."""

    def __init__(self, closure: Closure, room: _Room) -> None:
        self.closure, self.room = closure, room
        self.kept = np.zeros(len(closure), dtype=np.bool_)
        self.reasons = ["score"] * len(closure)
        self.wanted: list[int] = []  # together
        self.spent = 0
        for index in closure.pinned:
            self.add(index, "pinned", "pinned")
            if not self.kept[index]:
                limit, noun = room.limit, room.noun
                raise BudgetError(f"the pinned units with all they require do not fit into {limit} {noun}")
        for index in closure.pinned:
            self.reasons[index] = "pinned"

    def add(self, index: int, reason: str, otherwise: str) -> bool:
        """Keep `index` and all it needs if there is room for all of it; True if that kept something new."""
        added = self.closure.missing(index, self.kept)
        if not added:
            return False
        prices = self.room.prices
        price = int(prices[index]) if len(added) == 1 else int(prices[added].sum())
        if self.room.limit is not None and self.spent + price > self.room.limit:
            self.reasons[index] = otherwise
            return False
        self.spent += price
        for other in added:
            self.kept[other] = True
            self.reasons[other] = "required"
        self.reasons[index] = reason
        return True

    def add_ranked(self, order: NDArray[np.int64], reason: str, otherwise: str) -> None:
        """What `add` does for each unit of `order`, (n_tried,), in turn."""
        if self.room.limit is None:
            for index in order.tolist():
                self.add(index, reason, otherwise)
            return
        # A unit takes its own price at least, so that nothing has room once the cheapest one to come has none: of
        # hundreds of thousands of units a budget is mostly filled by the first few hundred.
        least = np.minimum.accumulate(self.room.prices[order][::-1])[::-1].tolist()
        for place, index in enumerate(order.tolist()):
            if self.spent + least[place] > self.room.limit:
                rest = order[place:]
                for left in rest[~self.kept[rest]].tolist():
                    self.reasons[left] = otherwise
                return
            self.add(index, reason, otherwise)

    def add_together(self, indices: list[int], reason: str) -> bool:
        """Keep all of `indices` with all they need, or none of them if there is no room for that."""
        self.wanted = indices
        kept = self.kept.copy()
        for index in indices:
            kept[self.closure.missing(index, kept)] = True
        price = int(self.room.prices[kept & ~self.kept].sum())
        if self.room.limit is not None and self.spent + price > self.room.limit:
            return False
        for index in indices:
            self.add(index, reason, reason)
        return True

    def selection(self) -> Selection:
        for index in self.wanted:
            if not self.kept[index]:
                self.reasons[index] = "demanded"
        return Selection(self.kept, tuple(self.reasons))


@POLICIES.register("threshold.v1")
@dataclass(frozen=True)
class Threshold(ClosedPolicy):
    """Keeps the units that score at least `minimum`.

    Raises:
        UsageError: `minimum` is not a finite number.
    """

    minimum: float = 0.1

    def __post_init__(self) -> None:
        _check(is_number(self.minimum), "minimum", self.minimum, "a finite number")

    def worth(self, ranked: Scores) -> int:
        """The number of scores that reach the minimum."""
        return int((ranked >= np.float32(self.minimum)).sum())


@POLICIES.register("top_k.v1")
@dataclass(frozen=True)
class TopK(ClosedPolicy):
    """Keeps at most `k` units, the best ones; parents, requirements and pins count among them.

    Where columns of a table are units, all of them are kept and none is counted: the k are rows.

    Raises:
        UsageError: `k` is under 1.
    """

    k: int = 5
    full = "rank"

    def __post_init__(self) -> None:
        _check(_whole(self.k) and self.k >= 1, "k", self.k, "a whole number from 1 up")

    def worth(self, ranked: Scores) -> int:
        """All: the room for k units does the cutting."""
        return len(ranked)

    def cuts(
        self, order: NDArray[np.int64], scores: Scores, context: Context[Any]
    ) -> list[tuple[NDArray[np.int64], int]]:
        """Columns of tables before all else."""
        del scores
        is_column = np.isin(order, column_units(context))
        return [(part, len(part)) for part in (order[is_column], order[~is_column])]

    def room(self, tokens: NDArray[np.int64]) -> _Room:
        """k units of price 1."""
        return _Room(np.ones_like(tokens), self.k, "units")

    def free(self, context: Context[Any]) -> list[int]:
        """The columns."""
        return column_units(context)


@POLICIES.register("token_budget.v1")
@dataclass(frozen=True)
class TokenBudget(ClosedPolicy):
    """Keeps the best units whose tokens, with those of all they need, fit into `budget`. Never exceeds it.

    Units are tried from the best down; adding one costs the tokens of its whole closure that is not kept yet.

    Attributes:
        budget: Tokens, of the counter in use, that the kept units may take together; from 0 up.
        minimum: Units that score less are dropped even where there is room; None keeps filling.

    Raises:
        UsageError: A negative budget, or a minimum that is not finite.
    """

    budget: int = 512
    minimum: float | None = None
    full = "budget"

    def __post_init__(self) -> None:
        _check(_whole(self.budget) and self.budget >= 0, "budget", self.budget, "a whole number from 0 up")
        _check(self.minimum is None or is_number(self.minimum), "minimum", self.minimum, "a finite number or None")

    def worth(self, ranked: Scores) -> int:
        """The number of scores that reach the minimum; all without one."""
        return len(ranked) if self.minimum is None else int((ranked >= np.float32(self.minimum)).sum())

    def room(self, tokens: NDArray[np.int64]) -> _Room:
        """The budget, at the price of each unit's tokens."""
        return _Room(tokens, self.budget, "tokens")

    def tightened(self, by: int) -> TokenBudget:
        """The same policy with `by` tokens less, for what stands between the units; never under 0."""
        return replace(self, budget=max(self.budget - by, 0))


@POLICIES.register("adaptive.v1")
@dataclass(frozen=True)
class Adaptive(ByAxis):
    """Keeps the units that come near the best one: score >= worst + `relative` * (best - worst).

    Works with scores of any scale; columns and rows of a table are compared among themselves. With lexical.v1, 0.4
    keeps 76 % of the evidence sentences in 36 % of the text, averaged over six sets.

    Units that all score alike are all kept, since nothing tells them apart. Where that score is 0 or less nothing
    speaks for any of them either, so none is chosen and `on_empty` decides; "keep_best" keeps all, since all are best.

    Raises:
        UsageError: `relative` is not from 0 to 1.
    """

    relative: float = 0.4

    def __post_init__(self) -> None:
        _check(is_number(self.relative) and 0 <= self.relative <= 1, "relative", self.relative, "a number from 0 to 1")

    def worth(self, ranked: Scores) -> int:
        """The number of scores in the upper part of the range."""
        if not ranked.size:
            return 0
        best, worst = float(ranked[0]), float(ranked[-1])
        if best == worst <= 0:
            return 0
        return int((ranked >= min(best, worst + self.relative * (best - worst))).sum())

    def select_best(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """Every unit that scores as high as the best; see `Policy.select`."""
        order, chooser = self._chooser(scores, context, tokens)
        for index in order[scores[order] == scores[order[:1]]].tolist():
            chooser.add(index, "fallback", self.full)
        return chooser.selection()


@POLICIES.register("largest_gap.v1")
@dataclass(frozen=True)
class LargestGap(ByAxis):
    """Cuts where the sorted scores fall furthest from one unit to the next; keeps all where they never fall."""

    def worth(self, ranked: Scores) -> int:
        """The number of scores above the widest step (the first of several)."""
        if ranked.size < 2 or ranked[0] == ranked[-1]:
            return int(ranked.size)
        return int(np.argmax(ranked[:-1] - ranked[1:])) + 1


def _as_tokens(tokens: Any, size: int) -> NDArray[np.int64]:
    counts = np.asarray(tokens)
    if counts.shape != (size,) or (size and counts.dtype.kind not in "iu"):
        raise UsageError(f"tokens are {counts.dtype} of shape {counts.shape}", hint=f"give {size} whole numbers")
    if (counts < 0).any():
        raise UsageError("a token count is negative")
    return counts.astype(np.int64)


def _whole(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def _check(valid: bool, name: str, value: object, allowed: str) -> None:
    if not valid:
        raise UsageError(f"{name} is {value!r}", hint=f"give {allowed}")
