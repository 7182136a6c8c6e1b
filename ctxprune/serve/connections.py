"""Connections that may not last for ever: what never ends, is never read or is one too many is closed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from itertools import chain
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from ctxprune.serve.settings import LimitsConfig

__all__ = ["Connections", "LimitedProtocol"]


class Connections:
    """All open ones, and which of them is closed where there are too many.

    Args:
        most: That may be open.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: set[LimitedProtocol] = set()
        self._unproven: OrderedDict[LimitedProtocol, None] = OrderedDict()  # never completed a request
        self._idle: OrderedDict[LimitedProtocol, None] = OrderedDict()  # completed some, and wait for the next one

    def add(self, protocol: LimitedProtocol) -> None:
        """A new one. Where there are too many, the oldest that never completed a request is closed, or else the one
        that waits longest for its next; requests that are worked on are left alone.
        """
        self._open.add(protocol)
        self._unproven[protocol] = None
        if len(self._open) > self._most:
            others = (other for other in chain(self._unproven, self._idle) if other is not protocol)
            next(others, protocol).abort()

    def begin(self, protocol: LimitedProtocol) -> None:
        """A whole request came over this one."""
        self._unproven.pop(protocol, None)
        self._idle.pop(protocol, None)

    def finish(self, protocol: LimitedProtocol) -> None:
        """It was answered."""
        if protocol in self._open and protocol not in self._unproven:
            self._idle[protocol] = None

    def remove(self, protocol: LimitedProtocol) -> None:
        """This one is closed."""
        self._open.discard(protocol)
        self.begin(protocol)


class LimitedProtocol(H11Protocol):
    """uvicorn's protocol, which waits for ever for the end of a request and for a client that does not read.

    The headers of a request may take `read_seconds`, and the rest of it twice as long: within the first half of that
    time the gateway answers that the body did not arrive.
    """

    def __init__(self, *, limits: LimitsConfig, others: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._limits, self._others = limits, others
        self._awaited: Any = None  # what h11 waits for, since the timer runs
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self._others.add(self)
        self._await(h11.IDLE)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """See `H11Protocol`; a further request may have come along with the one that was answered."""
        self._others.finish(self)
        super().on_response_complete()
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._await(None)
        self.resume_writing()
        self._others.remove(self)
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`; the client does not read as fast as the service writes."""
        super().pause_writing()
        self._writing = self.loop.call_later(self._limits.seconds, self.abort)

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        super().resume_writing()
        if self._writing is not None:
            self._writing.cancel()
            self._writing = None

    def abort(self) -> None:
        """Close without waiting for the client to read."""
        self.transport.abort()

    def _look(self) -> None:
        """Starts a timer where the client has begun something, and stops it where that ended."""
        state = self.conn.their_state
        if state is h11.DONE:
            self._others.begin(self)
        begun = state is h11.IDLE and bool(self.conn.trailing_data[0])
        self._await(state if begun or state is h11.SEND_BODY else None)

    def _await(self, state: Any) -> None:
        if state is self._awaited:  # the timer goes on, whatever trickles in
            return
        self._awaited = state
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if state is not None:
            seconds = self._limits.read_seconds * (1 if state is h11.IDLE else 2)
            self._reading = self.loop.call_later(seconds, self.abort)
