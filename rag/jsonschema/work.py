"""The work of a search, counted in one place, so that no schema takes longer than its limit allows."""

from __future__ import annotations

import time

from .failures import LimitError

__all__ = ["Work"]

_STEPS = 100  # one visit of a subschema takes about as long as so many checks of a value, a branch or a pattern


class Work:
    """Counts visits of subschemas, and steps, of which a visit has 100.

    The count is the same on each machine. The clock is for what it cannot see: a validator call on a huge value.

    Args:
        limit: Visits until a search is stopped.
        seconds: Of processor time, of all searches together.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self.limit = limit
        self._left = limit * _STEPS
        self._end = time.thread_time() + seconds  # of this thread: a busy machine changes no outcome

    @property
    def is_late(self) -> bool:
        """Whether the seconds are over."""
        return time.thread_time() > self._end

    def restart(self) -> int:
        """Begin a further search with the whole limit; the visits of the one before."""
        used = self.limit - self._left // _STEPS
        self._left = self.limit * _STEPS
        return used

    def visit(self, amount: int = 1) -> None:
        """Count visits.

        Raises:
            LimitError: The limit is reached, or the time is over.
        """
        self.step(amount * _STEPS)

    def step(self, amount: int = 1) -> None:
        """Count steps.

        Raises:
            LimitError: The limit is reached, or the time is over.
        """
        self._left -= amount
        if self._left < 0:
            raise LimitError("the limit of subschemas is reached")
        if self.is_late:
            raise LimitError("the time for the search is over")
