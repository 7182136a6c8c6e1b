"""The time that one request to a model has left."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Deadline", "current_deadline", "deadlined"]


class Deadline:
    """Time left for one request; it stands still while the request waits for the caller's own limits, since a full
    queue says nothing about the model. Safe to share between threads.

    Args:
        seconds: Time in all.
        now: A clock in seconds that never goes back.
    """

    def __init__(self, seconds: float, now: Callable[[], float] = monotonic) -> None:
        self.seconds = seconds
        self._now = now
        self._end = now() + seconds
        self._stops = 0
        self._stopped_at = 0.0
        self._lock = threading.Lock()

    def left(self) -> float:
        """Seconds that are left; 0 or less when it is over."""
        with self._lock:
            return self._end - (self._stopped_at if self._stops else self._now())

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """While the block runs, no time passes."""
        with self._lock:
            self._stops += 1
            if self._stops == 1:
                self._stopped_at = self._now()
        try:
            yield
        finally:
            with self._lock:
                self._stops -= 1
                if not self._stops:
                    self._end += self._now() - self._stopped_at


_deadline: ContextVar[Deadline | None] = ContextVar("ctxprune_deadline", default=None)


@contextmanager
def deadlined(deadline: Deadline) -> Iterator[None]:
    """`deadline` is that of the request which is made in this block."""
    before = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(before)


def current_deadline() -> Deadline | None:
    """The deadline of the request that is being made here; None outside one."""
    return _deadline.get()
