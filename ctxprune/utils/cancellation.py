"""Cooperative cancellation of one question: whoever is about to start something costly looks here first."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "Stop",
    "call_on_cancel",
    "cancellation",
    "check_cancelled",
    "current_event",
    "is_cancelled",
    "run_cancellable",
]

T = TypeVar("T")
_logger = logging.getLogger(__name__)
_event: ContextVar[Event | None] = ContextVar("ctxprune_cancelled", default=None)


class Stop(Event):
    """An event that also calls those who cannot look at it, because they wait for a database."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: list[Callable[[], object]] = []
        self._mutex = Lock()

    def set(self) -> None:
        """See `threading.Event.set`; then all are called, each in a thread of its own."""
        super().set()
        with self._mutex:
            calls = tuple(self._calls)
        # An event loop mostly sets it, and to cancel a query takes a connection to its server, which may not answer.
        for call in calls:
            Thread(target=_call, args=(call,), name="ctxprune-cancel", daemon=True).start()

    @contextmanager
    def calling(self, call: Callable[[], object]) -> Iterator[None]:
        """`call` is called once the event is set while the block runs, at once if it is set already; what it raises is
        logged.
        """
        with self._mutex:
            self._calls.append(call)
        try:
            if self.is_set():
                _call(call)
            yield
        finally:
            with self._mutex:
                self._calls.remove(call)


def _call(call: Callable[[], object]) -> None:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - of a driver, say, whose connection is gone; others are still to be called
        _logger.warning("work could not be cancelled: %s", type(error).__name__)


@contextmanager
def cancellation(event: Event | None) -> Iterator[None]:
    """Whoever runs in the block, or in a copy of its context, is cancelled once `event` is set."""
    before = _event.set(event)
    try:
        yield
    finally:
        _event.reset(before)


def current_event() -> Event | None:
    """What tells of a cancellation here; None where nothing can be cancelled."""
    return _event.get()


def is_cancelled() -> bool:
    """Whether the work that runs here was cancelled."""
    event = _event.get()
    return event is not None and event.is_set()


@contextmanager
def call_on_cancel(call: Callable[[], object]) -> Iterator[None]:
    """`call` is called where the work in the block is cancelled, by another thread, as far as a `Stop` says so."""
    event = _event.get()
    if isinstance(event, Stop):
        with event.calling(call):
            yield
    else:
        yield


def check_cancelled() -> None:
    """Raises asyncio.CancelledError, which no handler of failures catches, where the work was cancelled."""
    if is_cancelled():
        raise asyncio.CancelledError


async def run_cancellable(function: Callable[[], T]) -> T:
    """Run a function that blocks, in a thread.

    Once the task is cancelled, the function starts no further step, model call or query, and the query that is running
    ends.
    """
    stop = Stop()
    try:
        with cancellation(stop):
            return await asyncio.to_thread(function)
    finally:
        # Also where the task was cancelled: the thread cannot be, so it is told to stop.
        stop.set()
