"""One call for all threads that want the same answer at the same time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ctxprune.errors import ModelError
from ctxprune.llm.base import LATE
from ctxprune.llm.deadline import Deadline, current_deadline
from ctxprune.utils.cancellation import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.llm.base import ChatAnswer

__all__ = ["Flights"]

_LOOK = 0.05  # seconds between two looks at a leader that may hang, or at whether the question was cancelled


@dataclass(eq=False)
class _Flight:
    deadline: Deadline
    landed: threading.Event = field(default_factory=threading.Event)
    answers: Sequence[ChatAnswer] = ()
    error: BaseException | None = None
    abandoned: bool = False  # the leader's question was cancelled, which says nothing about the model


class Flights:
    """Calls that are on their way, by key. Safe to share between threads."""

    def __init__(self) -> None:
        self._flights: dict[str, _Flight] = {}
        self._lock = threading.Lock()

    def ask(self, key: str, seconds: float, call: Callable[[], Sequence[ChatAnswer]]) -> Sequence[ChatAnswer]:
        """What `call` gives, in this thread or in the one that asks for `key` already.

        Args:
            key: The same for the same answers.
            seconds: Deadline where none was set. Who waits for another's call waits on that one's deadline.
            call: Asks.

        Raises:
            ModelError: The other thread's call did not come back in time, or this question was cancelled.
            Exception: Whatever `call` raised, here or there.
        """
        own = current_deadline() or Deadline(seconds)
        while True:
            flight, leads = self._join(key, own)
            if leads:
                return self._fly(key, flight, call)
            with own.stopped():
                _wait(flight)
            if flight.error is not None and not flight.abandoned:
                raise flight.error
            if not flight.abandoned:
                return [replace(answer, cached=True) for answer in flight.answers]

    def _join(self, key: str, own: Deadline) -> tuple[_Flight, bool]:
        with self._lock:
            flight = self._flights.get(key)
            if flight is not None and flight.deadline.left() > 0:
                return flight, False
            self._flights[key] = flight = _Flight(own)
            return flight, True

    def _fly(self, key: str, flight: _Flight, call: Callable[[], Sequence[ChatAnswer]]) -> Sequence[ChatAnswer]:
        try:
            flight.answers = call()
            return flight.answers
        except BaseException as error:
            flight.error = error
            raise
        finally:
            flight.abandoned = is_cancelled() or not isinstance(flight.error, (Exception, type(None)))
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
            flight.landed.set()


def _wait(flight: _Flight) -> None:
    while not flight.landed.wait(_LOOK):
        if is_cancelled():
            raise ModelError("the question was cancelled")
        if flight.deadline.left() <= 0:
            raise ModelError(f"{LATE} {flight.deadline.seconds:g} s, asked for by another thread")
