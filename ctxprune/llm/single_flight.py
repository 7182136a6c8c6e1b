"""One call for all threads that request the same answer at the same time (single flight)."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ctxprune.errors import ModelError
from ctxprune.llm.deadline import Deadline, current_deadline, timeout_error
from ctxprune.utils.cancellation import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ctxprune.llm.base import ChatAnswer

__all__ = ["SingleFlight"]

_POLL_SECONDS = 0.05  # between two checks of a leader that may hang, and of whether the question was cancelled


@dataclass(eq=False)
class _PendingCall:
    deadline: Deadline
    finished: threading.Event = field(default_factory=threading.Event)
    answers: Sequence[ChatAnswer] = ()
    error: BaseException | None = None
    # The leader's question was cancelled, which says nothing about the model: the others then call it themselves.
    abandoned: bool = False


class SingleFlight:
    """Calls that are running now, by key. Safe to share between threads."""

    def __init__(self) -> None:
        self._pending: dict[str, _PendingCall] = {}
        self._lock = threading.Lock()

    def ask(self, key: str, seconds: float, call: Callable[[], Sequence[ChatAnswer]]) -> Sequence[ChatAnswer]:
        """The result of `call`, in this thread or in the one that already runs it for `key`.

        Args:
            key: The same for the same answers.
            seconds: Deadline where none was set. A thread that waits for another's call uses that call's deadline.
            call: Calls the model.

        Raises:
            ModelError: The other thread's call did not come back in time, or this question was cancelled.
            Exception: Whatever `call` raised, here or there.
        """
        own = current_deadline() or Deadline(seconds)
        while True:
            pending, is_leader = self._join(key, own)
            if is_leader:
                return self._lead(key, pending, call)
            with own.stopped():  # should the leader be cancelled, this thread still has all of its own time
                _wait(pending)
            if pending.error is not None and not pending.abandoned:
                raise pending.error
            if not pending.abandoned:
                return [replace(answer, cached=True) for answer in pending.answers]

    def _join(self, key: str, own: Deadline) -> tuple[_PendingCall, bool]:
        with self._lock:
            pending = self._pending.get(key)
            # Nobody joins a call past its deadline, which may hang forever; a new one takes its place.
            if pending is not None and pending.deadline.left() > 0:
                return pending, False
            self._pending[key] = pending = _PendingCall(own)
            return pending, True

    def _lead(self, key: str, pending: _PendingCall, call: Callable[[], Sequence[ChatAnswer]]) -> Sequence[ChatAnswer]:
        try:
            pending.answers = call()
            return pending.answers
        except BaseException as error:
            pending.error = error
            raise
        finally:
            pending.abandoned = is_cancelled() or not isinstance(pending.error, (Exception, type(None)))
            with self._lock:
                if self._pending.get(key) is pending:
                    del self._pending[key]
            pending.finished.set()


def _wait(pending: _PendingCall) -> None:
    while not pending.finished.wait(_POLL_SECONDS):
        if is_cancelled():
            raise ModelError("the question was cancelled")
        if pending.deadline.left() <= 0:
            raise timeout_error(pending.deadline.seconds, note=", asked for by another thread")
