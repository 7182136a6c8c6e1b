"""The search for the largest choice whose rendering fits a token budget."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from ctxprune.errors import BudgetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.policies.selection import Selection

__all__ = ["Attempt", "BudgetSearch", "RenderCache", "SharedBudgetSearch"]

R = TypeVar("R")
_ROUNDS = 64  # at most; past `_PATIENCE` the room shrinks by ever more, so that it reaches 0 before
_PATIENCE = 16  # rounds in proportion, before by ever more: in trials 14 were the most that was needed
_ALIKE = 5  # rounds that made no difference, before by ever more: the units are large beside what is over
_FULL = 0.97  # of the budget; a text that fills so much is not worth another round
_FILLING = 4  # rounds in which to fill a budget better, once a text fits


@dataclass(frozen=True)
class Attempt(Generic[R]):
    """What one round gave.

    Attributes:
        result: The choice and its rendering.
        tokens: What the rendering takes.
        spent: What the units of the choice take by themselves.
        final: Whether no other room can do better: everything is kept and fits, or the choice does not depend on it.
    """

    result: R
    tokens: int
    spent: int = 0
    final: bool = False


@dataclass
class BudgetSearch:
    """Finds how much room a choice must be given so that what it renders to just fits into the budget.

    The rendering of a choice mostly takes more than its units do by themselves (separators, tags), and sometimes less
    (rows of which columns are dropped); how much is only known once it is rendered. Each round gives the choice some
    room, in tokens, and learns what its rendering takes; the next room lies in proportion.

    Attributes:
        budget: Tokens that a rendering may take.
        loosens: Whether a choice may be given more room than the budget, since units may take less in the rendering
            than by themselves.
        least: Room that is never gone below; 0 where nothing is worth that.
        over: The least room whose rendering was over the budget, and its tokens; None before there is one.
        fits: The most room whose rendering fits, and likewise.
    """

    budget: int
    loosens: bool = False
    least: int = 0
    over: tuple[int, int] | None = field(default=None, init=False)
    fits: tuple[int, int] | None = field(default=None, init=False)
    _rounds: int = field(default=0, init=False)
    _filled: int = field(default=0, init=False)
    _alike: int = field(default=0, init=False)  # rounds that made no difference, one after the other

    def find(self, start: int, attempt: Callable[[int], Attempt[R]], *, what: str = "what is kept") -> R:
        """The result of the last attempt that fits, which is the one with the most room.

        Args:
            start: Room of the first attempt.
            attempt: Chooses and renders within some room.
            what: What the choice is called in the message.

        Raises:
            BudgetError: No attempt fits.
        """
        room, best = start, None
        for _ in range(_ROUNDS):
            last = attempt(room)
            if last.tokens <= self.budget:
                best = last
            if last.final:
                break
            following = self.next_room(room, last)
            if following is None:
                break
            room = following
        if best is None:
            raise BudgetError(
                f"{what} renders to {last.tokens} tokens, over the budget of {self.budget}", hint="raise the budget"
            )
        return best.result

    def next_room(self, room: int, last: Attempt[Any]) -> int | None:
        """What to try after `room`, which gave `last`; None if that is the end."""
        tokens = last.tokens
        self._rounds += 1
        if tokens > self.budget:
            self._alike = self._alike + 1 if self.over is not None and self.over[1] == tokens else 0
            self.over = (room, tokens)
        elif self.fits is None or room > self.fits[0]:
            self.fits = (room, tokens)
        if self.fits is None:
            # A choice that had no room already renders no less than this: what stands there is not its doing.
            return max(self._shrink(room, tokens), self.least) if room > self.least else None
        self._filled += 1
        if self._filled > _FILLING or self.fits[1] >= _FULL * self.budget:
            return None
        return self._loosen(*self.fits) if self.over is None else self._between(self.fits, self.over)

    def _shrink(self, room: int, tokens: int) -> int:
        """Less room in proportion: the text is taken to shrink as the room does."""
        faster = max(0, self._rounds - _PATIENCE, self._alike - _ALIKE)
        return room - (max(room - room * self.budget // tokens, 1) << faster)

    def _loosen(self, room: int, tokens: int) -> int | None:
        """More room in proportion, twice as much at most."""
        return room + max(min(room * self.budget // max(tokens, 1) - room, room), 1) if self.loosens else None

    def _between(self, fits: tuple[int, int], over: tuple[int, int]) -> int | None:
        """Where the budget should lie between the room that fits and the one that does not, by their tokens."""
        (room, tokens), (above, more) = fits, over
        if above - room < 2:
            return None
        share = (more - self.budget) / max(more - tokens, 1)
        return max(min(above - round((above - room) * share), above - 1), room + 1)


@dataclass
class SharedBudgetSearch(BudgetSearch):
    """The search for several contexts together, which ends with the first rendering that fits.

    The next room lies in proportion to what the units took rather than to the room, which contexts may leave unused.
    What is pinned takes the least room.
    """

    def next_room(self, room: int, last: Attempt[Any]) -> int | None:
        """See `BudgetSearch`."""
        self._rounds += 1
        if last.tokens <= self.budget or room == self.least:
            return None
        step = 1 << max(0, self._rounds - 1 - _PATIENCE)
        # What the text takes beyond its units mostly grows with them.
        return max(min(last.spent * self.budget // last.tokens, last.spent - step), self.least)


class RenderCache(Generic[R]):
    """What the last selection rendered to; a little less room often makes no difference to what is kept."""

    def __init__(self) -> None:
        self._last: tuple[bytes, R] | None = None

    def get(self, selection: Selection, write: Callable[[list[int]], R]) -> R:
        """What `write` gives for the indices of the kept units, or gave if the selection before kept the same ones."""
        key = selection.kept.tobytes()
        if self._last is None or self._last[0] != key:
            self._last = key, write(np.flatnonzero(selection.kept).tolist())
        return self._last[1]
