"""The connections of one server database: opened when needed, reused, closed at the end, never shared over a fork."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .session import Session

__all__ = ["Sessions"]


class _State:
    """What must be closed in the end."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.idle: list[Session] = []
        self.all: set[Session] = set()

    def end(self) -> None:
        """Close what is idle and break what is in use, in the process that opened it."""
        if self.pid == os.getpid():
            for session in self.idle:
                session.close()
            for session in self.all.difference(self.idle):  # its thread closes it
                session.abort()
        self.all.clear()
        self.idle.clear()


class Sessions:
    """Open connections.

    A query takes one of `size` turns. A stream takes none, since its reader may well run queries between two batches.

    Args:
        size: Queries that run at the same time, 1 or more; as many connections are kept when idle.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(self._size)
        self._state = _State()
        self._finalizer = weakref.finalize(self, self._state.end)

    @contextmanager
    def turn(self, stream: bool) -> Iterator[None]:
        """Wait until a query may run."""
        if self._state.pid != os.getpid():  # forked: the connections are the parent's
            for session in self._state.all:
                session.abandon()
            self._finalizer.detach()
            self._start()
        if stream:
            yield
            return
        turns = self._turns
        with turns:
            yield

    def idle(self) -> Session | None:
        """A connection that waits for work; it may have been lost since."""
        with self._lock:
            return self._state.idle.pop() if self._state.idle else None

    def add(self, session: Session) -> None:
        """Count in a new one, in use."""
        with self._lock:
            self._state.all.add(session)

    def give_back(self, session: Session) -> None:
        """What was taken or added waits for work again."""
        with self._lock:
            if session in self._state.all and len(self._state.idle) < self._size:
                self._state.idle.append(session)
                return
        self.drop(session)

    def holds(self, session: Session) -> bool:
        """Whether it is counted in; not after `close`."""
        with self._lock:
            return session in self._state.all

    def drop(self, session: Session) -> None:
        """Close one."""
        with self._lock:
            self._state.all.discard(session)
        session.close()

    def close(self) -> None:
        """End all; what runs fails."""
        with self._lock:
            self._state.end()
