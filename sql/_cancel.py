"""Cooperative cancellation of one question: whoever is about to start something costly looks here first."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cancellation", "check_cancelled", "current_event", "is_cancelled"]

_event: ContextVar[Event | None] = ContextVar("ctxprune_cancelled", default=None)


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


def check_cancelled() -> None:
    """Raises asyncio.CancelledError, which no handler of failures catches, where the work was cancelled."""
    if is_cancelled():
        raise asyncio.CancelledError
