"""What a policy is asked, what it answers, and the tool that adds units until there is no room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import Context, as_context
from ctxprune.context.closure import Closure
from ctxprune.errors import BudgetError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.scores import Scores

__all__ = ["Chooser", "Request", "Room", "Selection", "as_tokens"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a policy keeps, and why.

    Attributes:
        kept: bool (n_units,).
        reasons: One word a unit, what first decided. Kept: "selected", "pinned", "required" (by a unit kept before it),
            "demanded" (by the question, see `Request.required`), "fallback" (`on_empty`).
            Dropped: "score" (too low), "rank" (no room among the k best), "budget" (no room in the token budget),
            "duplicate of unit i" (which says the same, `TopK`),
            "demanded" (although the question needs it, since there was no room for all that it needs).
    """

    kept: NDArray[np.bool_]
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Request:
    """All that a policy may look at.

    Attributes:
        query: The question.
        context: The units; a policy does not call `render`.
        scores: float32 (n_units,), finite, higher = keep.
        tokens: int64 (n_units,), what each unit takes of a token budget.
        required: bool (n_units,): what the question cannot be answered without, wanted before any other unit, and the
            rows among it all together: policies with room keep them if they all fit. None where nothing is known.
        certain: Whether a reader may be told that the question needs them; see `Scorer.is_demand_certain`.

    Raises:
        UsageError: `context` is not a context.
    """

    query: str
    context: Context[Any]
    scores: Scores
    tokens: NDArray[np.int64]
    required: NDArray[np.bool_] | None = None
    certain: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "context", as_context(self.context))

    @property
    def claimed(self) -> NDArray[np.bool_] | None:
        """Those of the required units that a reader may be told are needed; None where there are none."""
        return self.required if self.certain else self.context.required

    @property
    def required_units(self) -> list[int]:
        """Indices of the required units, rising."""
        return [] if self.required is None else [int(index) for index in np.flatnonzero(self.required)]


@dataclass(frozen=True, slots=True)
class Room:
    """What may be spent: each unit has a price, and the prices of all kept units stay within the limit.

    Attributes:
        prices: int64 (n_units,).
        limit: None for no limit.
        noun: What is spent, for messages.
    """

    prices: NDArray[np.int64]
    limit: int | None
    noun: str


class Chooser:
    """Adds units, each with all it needs, while there is room.

    Args:
        closure: What must be kept together.
        room: What may be spent; may be replaced later by one with other prices.

    Attributes:
        kept: bool (n_units,), closed over parents and requirements at any time.
        reasons: As in `Selection`.

    Raises:
        BudgetError: What is pinned, with all it needs, does not fit.
    """

    def __init__(self, closure: Closure, room: Room) -> None:
        self.closure, self.room = closure, room
        self.kept = np.zeros(len(closure), dtype=np.bool_)
        self.reasons = ["score"] * len(closure)
        self.required: list[int] = []
        self.spent = 0
        for index in closure.pinned:
            self.add(index, "pinned", "pinned")
            if not self.kept[index]:
                limit, noun = room.limit, room.noun
                raise BudgetError(
                    f"the pinned units with all they require do not fit into {limit} {noun}",
                    hint=f"they take {_price_pinned(closure, room)}; raise the limit, or pin less (`protect` pins each"
                    " unit that it matches)",
                )
        # Only now: a pinned unit that another one required was called "required" when it was added.
        for index in closure.pinned:
            self.reasons[index] = "pinned"

    def add(self, index: int, reason: str, otherwise: str) -> bool:
        """Keep `index` and all it needs if there is room for all of it; True if that kept something new."""
        # What was kept before is free: units that share a parent pay for it once.
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
        """What `add` does for each unit of `order`, int (n,), in turn."""
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
        # Tried on a copy first: half of the rows of a total would be worth less than other rows in their place.
        self.required = indices
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
        """What is kept now; required units that are not are marked as such."""
        for index in self.required:
            if not self.kept[index]:
                self.reasons[index] = "demanded"
        return Selection(self.kept, tuple(self.reasons))


def _price_pinned(closure: Closure, room: Room) -> int:
    wanted = np.zeros(len(closure), dtype=np.bool_)
    for index in closure.pinned:
        wanted[closure.missing(index, wanted)] = True
    return int(room.prices[wanted].sum())


def as_tokens(tokens: Any, size: int) -> NDArray[np.int64]:
    """`tokens` as int64 (size,).

    Raises:
        UsageError: Another shape, or values that are not whole numbers from 0 up.
    """
    counts = np.asarray(tokens)
    if counts.shape != (size,) or (size and counts.dtype.kind not in "iu"):
        raise UsageError(f"tokens are {counts.dtype} of shape {counts.shape}", hint=f"give {size} whole numbers")
    if (counts < 0).any():
        raise UsageError("a token count is negative")
    return counts.astype(np.int64)
