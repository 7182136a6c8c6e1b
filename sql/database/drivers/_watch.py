"""Keeps the deadline of a query on a server, also where the server no longer answers."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .base import Cancel
    from .session import Session

__all__ = ["Watch"]

_GRACE = 0.1  # seconds after the deadline that the server may take to end the statement by itself
_PATIENCE = 0.1  # seconds that it may take to obey a cancellation, before the connection is broken


class Watch:
    """Ends what runs on a session once its time is up or its question is cancelled.

    First the server is asked to cancel the statement; where that does not help, the connection is broken.

    Args:
        seconds: The query's time, over all guarded blocks together.
        cancel: Ends the query from another thread.

    Attributes:
        fired: The query was ended; its session is of no further use, since a cancellation may still be under way.
        spent: Seconds in guarded blocks so far.
    """

    def __init__(self, seconds: float, cancel: Cancel | None) -> None:
        self.fired = False
        self.spent = 0.0
        self._seconds, self._cancel = seconds, cancel
        self._lock = threading.Lock()
        self._over = threading.Event()

    @contextmanager
    def over(self, session: Session) -> Iterator[None]:
        """Guard a block in which only `session` is waited for."""
        started = time.monotonic()
        self._over = threading.Event()
        timer = threading.Timer(max(self._seconds - self.spent, 0.0) + _GRACE, self._end, [session])
        enders = [timer]
        timer.daemon = True
        timer.start()
        if self._cancel is not None:  # in a thread, since an event loop may be what cancels
            at_once = threading.Timer(0, self._end, [session])
            self._cancel.watch(at_once.start)
            enders.append(at_once)
        try:
            yield
        finally:
            if self._cancel is not None:
                self._cancel.watch(None)
            with self._lock:
                self._over.set()
            timer.cancel()
            if self.fired:  # the session may be closed only when nobody breaks it any more
                for ender in enders:
                    if ender.ident is not None:
                        ender.join()
            self.spent += time.monotonic() - started

    def _end(self, session: Session) -> None:
        with self._lock:
            if self._over.is_set():
                return
            self.fired = True
        session.cancel()
        if not self._over.wait(_PATIENCE):
            session.abort()
