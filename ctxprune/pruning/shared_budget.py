"""The choice among the units of several contexts under one budget."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.context.base import shift_unit
from ctxprune.context.closure import Closure
from ctxprune.errors import BudgetError
from ctxprune.policies.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Unit

__all__ = ["Entry", "Joint"]


@dataclass(frozen=True, eq=False)
class Entry:
    """One context that competes for the budget.

    Attributes:
        name: Its name.
        units: Its units.
        tokens: int64 (n_units,).
        values: float64 (n_units,), comparable between contexts, higher = keep.
        worth: bool (n_units,): what may be chosen.
        minimum: Tokens that are its own.
    """

    name: str
    units: Sequence[Unit]
    tokens: NDArray[np.int64]
    values: NDArray[np.float64]
    worth: NDArray[np.bool_]
    minimum: float


class Joint:
    """Several contexts as one sequence of units; `entries` sorted by name."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        units: list[Unit] = []
        self._starts = [0]
        for entry in entries:
            units += [shift_unit(unit, self._starts[-1]) for unit in entry.units]
            self._starts.append(len(units))
        # One closure over all contexts: their links never cross, so that each is closed by itself.
        self._closure = Closure(units)
        self._tokens = np.concatenate([np.zeros(0, dtype=np.int64), *(entry.tokens for entry in entries)])
        self._part = np.repeat(np.arange(len(entries)), [len(entry.units) for entry in entries])
        values = np.concatenate([np.zeros(0), *(entry.values for entry in entries)])
        worth = np.concatenate([np.zeros(0, dtype=np.bool_), *(entry.worth for entry in entries)])
        # Stable, with entries sorted by name: ties do not depend on the order in which contexts were given.
        order = np.argsort(-values, kind="stable")
        self._order = order[worth[order]]
        self.pinned_tokens = int(self._tokens[self._close_pinned(np.zeros(len(units), dtype=np.bool_))].sum())

    def select(self, room: int) -> dict[str, Selection]:
        """What each context keeps in `room` tokens.

        Raises:
            BudgetError: What is pinned, with all it needs, does not fit.
        """
        state = _State(self._closure, self._tokens, self._part, len(self._entries))
        for index in self._closure.pinned:
            state.add(index, "pinned")
        for index in self._closure.pinned:
            state.reasons[index] = "pinned"
        if state.total > room:
            needs = ", ".join(
                f"{entry.name} {spent}" for entry, spent in zip(self._entries, state.spent, strict=True) if spent
            )
            raise BudgetError(
                f"what is pinned, with all it needs, takes {state.total} tokens, of {room} ({needs})",
                hint="raise the budget, or pin less",
            )
        self._fill_shares(state, room)
        for index in map(int, self._order):
            if not state.add(index, "selected", room=room) and not state.kept[index]:
                state.reasons[index] = "budget"
        return {
            entry.name: Selection(state.kept[start:end], tuple(state.reasons[start:end]))
            for entry, (start, end) in zip(self._entries, pairwise(self._starts), strict=True)
        }

    def _fill_shares(self, state: _State, room: int) -> None:
        needs = [max(0.0, entry.minimum - spent) for entry, spent in zip(self._entries, state.spent, strict=True)]
        free = room - state.total
        # Minimum shares are promises of the user's; where they cannot all hold they shrink in proportion.
        shrink = min(1.0, free / sum(needs)) if sum(needs) else 1.0
        # A hair more, so that a share that is met exactly is not missed by rounding.
        limits = [spent + need * shrink + 1e-9 for spent, need in zip(state.spent, needs, strict=True)]
        for index in map(int, self._order):
            part = self._part[index]
            if needs[part]:
                state.add(index, "share", part_limit=limits[part], room=room)

    def _close_pinned(self, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
        for index in self._closure.pinned:
            kept[self._closure.missing(index, kept)] = True
        return kept


class _State:
    """What is kept so far, and what it costs."""

    def __init__(self, closure: Closure, tokens: NDArray[np.int64], part: NDArray[np.intp], parts: int) -> None:
        self._closure, self._tokens, self._part = closure, tokens, part
        self.kept = np.zeros(len(closure), dtype=np.bool_)
        self.reasons = ["score"] * len(closure)
        self.spent = [0] * parts
        self.total = 0

    def add(self, index: int, reason: str, *, room: float = np.inf, part_limit: float = np.inf) -> bool:
        """Keep `index` and all it needs if there is room; True if that kept something new."""
        added = self._closure.missing(index, self.kept)
        price, part = int(self._tokens[added].sum()), int(self._part[index])
        if not added or self.total + price > room or self.spent[part] + price > part_limit:
            return False
        self.kept[added] = True
        self.total += price
        self.spent[part] += price
        for other in added[1:]:
            self.reasons[other] = "required"
        self.reasons[index] = reason
        return True
