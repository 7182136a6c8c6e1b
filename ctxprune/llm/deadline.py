"""Deadlines of requests to models."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar
from time import monotonic
from typing import TYPE_CHECKING

from ctxprune.errors import FailureKind, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Deadline", "current_deadline", "timeout_error", "use_deadline"]


class Deadline:
    """Time left for one request. The clock is stopped while the request waits for the caller's own rate limits, since
    a full queue says nothing about the model. Safe to share between threads.

    Args:
        seconds: Time in total.
        now: A monotonic clock in seconds.
    """

    def __init__(self, seconds: float, now: Callable[[], float] = monotonic) -> None:
        self.seconds = seconds
        self._now = now
        self._end = now() + seconds
        self._stops = 0  # blocks of `stopped` that are open now, in any thread; the clock runs at 0
        self._stopped_at = 0.0
        self._lock = threading.Lock()

    def left(self) -> float:
        """Seconds left; 0 or less once the deadline has passed."""
        with self._lock:
            return self._end - (self._stopped_at if self._stops else self._now())

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the clock while the block runs."""
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
def use_deadline(deadline: Deadline) -> Iterator[None]:
    """Set the deadline of the request that the block makes."""
    before = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(before)


def current_deadline() -> Deadline | None:
    """The deadline of the current request; None outside of one."""
    return _deadline.get()


def timeout_error(seconds: float, *, where: str = "", note: str = "") -> ModelError:
    """The error of a model that did not answer in time.

    Args:
        seconds: The deadline.
        where: The model.
        note: Appended to the message.
    """
    return ModelError(f"no answer within {seconds:g} s{note}", where=where, kind=FailureKind.TIMEOUT)
