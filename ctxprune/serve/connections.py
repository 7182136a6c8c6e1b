"""Connections with bounds: one that never ends, is never read or is one too many is closed.

Framing is bounded before anything is known of the client. h11 takes 5 microseconds and more for each header line and
each chunk, in the event loop and whether or not there is a key. A head of thousands of lines or a body in chunks of one
byte would keep all other connections waiting.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import OrderedDict
from itertools import chain
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ctxprune.errors import RequestError
from ctxprune.serve.errors import document
from ctxprune.serve.limits import spread
from ctxprune.serve.logs import log, request_id

if TYPE_CHECKING:
    from ctxprune.serve.settings import LimitsConfig

__all__ = ["BoundedConnection", "Connections", "LimitedProtocol"]

_SLICE_BYTES = 16_384  # that are parsed before the bounds are looked at again; one read may bring sixteen times as many
_LINGER_SECONDS = 5.0  # that a client has to read its last answer before the connection is cut, as in nginx
_LINGER_BYTES = 128_000_000  # not parsed and not kept, these take the event loop 10 ms or two
_MAY_ANSWER = (h11.IDLE, h11.SEND_RESPONSE)
_MOST_LINES = 256  # of a head, its first line included
_FREE_CHUNKS = 256  # whatever they hold
_LEAST_CHUNK = 256  # bytes that chunks beyond those hold, on average
_FREE_BYTES = 32_768  # of framing: chunk sizes, extensions, trailers; beyond them at most one for each byte of the body
_END_OF_HEAD = re.compile(rb"\n\r?\n")


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
    """uvicorn's protocol with time limits and bounds.

    Without them it waits without end for a request to complete and for a client to read, parses any amount of framing,
    and closes a connection while the client still sends.

    The headers of a request may take `read_seconds`, and the rest of it twice as long: within the first two thirds of
    that time the gateway answers that the body did not arrive. Each limit is up to a quarter longer, see
    `ctxprune.serve.limits.spread`.
    """

    conn: BoundedConnection

    def __init__(self, *, limits: LimitsConfig, others: Connections, **options: Any) -> None:
        super().__init__(**options)
        self.conn = BoundedConnection(self.config.h11_max_incomplete_event_size or 65_536)
        self._limits, self._others = limits, others
        self._discarded: int | None = None  # bytes, since the answer to a request whose body is not read
        self._awaited: Any = None  # what h11 waits for, since the timer runs
        self._reading: asyncio.TimerHandle | None = None
        self._writing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(_LingeringTransport(transport, self))  # type: ignore[arg-type]
        self._others.add(self)
        self._await(h11.IDLE)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        for start in range(0, len(data), _SLICE_BYTES):
            if self._discarded is not None:
                self._discard(len(data) - start)
                return
            if self.transport.is_closing():
                return
            super().data_received(data[start : start + _SLICE_BYTES])
        self._look()

    def send_400_response(self, msg: str) -> None:
        """See `H11Protocol`, which would answer a second time where the answer has begun."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # whoever works on the request stops
            self.cycle.message_event.set()
        refusal = self.conn.refusal
        if self.conn.our_state not in _MAY_ANSWER:
            self.abort()
        elif refusal is None:
            super().send_400_response(msg)
        else:
            self._answer(refusal)

    def _answer(self, refusal: RequestError) -> None:
        """An error that the gateway does not see, in the form of its own."""
        number = request_id(b"")
        log("request refused", request_id=number, status=refusal.status, cause=refusal.what)
        body = json.dumps(document(refusal, number)).encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), "x-request-id": number}
        response = h11.Response(status_code=refusal.status, headers=[*headers.items(), ("connection", "close")])
        for event in (response, h11.Data(data=body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def linger(self, transport: asyncio.Transport) -> bool:
        """Whether `transport` is closed by the client, or a little later, instead of now. What the client still sends
        of a body is thrown away unparsed; if it were left in the socket, the system would take the answer back.
        """
        sends = self.conn.their_state in (h11.SEND_BODY, h11.ERROR) or self.conn.refusal is not None
        if self._discarded is not None or not sends or not transport.can_write_eof():
            return False
        self._discarded = 0
        transport.write_eof()
        transport.resume_reading()
        self._await(h11.MUST_CLOSE)
        return True

    def _discard(self, size: int) -> None:
        self._discarded = (self._discarded or 0) + size
        if self._discarded > _LINGER_BYTES:
            self.abort()

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
        if self._discarded is not None:
            return
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
            times = 1 if state is h11.IDLE else 2
            seconds = _LINGER_SECONDS if state is h11.MUST_CLOSE else self._limits.read_seconds * times
            self._reading = self.loop.call_later(spread(seconds), self.abort)


class _LingeringTransport:
    """A transport whose `close` lets its protocol linger; in all else the one it is made of."""

    def __init__(self, transport: asyncio.Transport, protocol: LimitedProtocol) -> None:
        self._transport, self._protocol, self._lingers = transport, protocol, False

    def close(self) -> None:
        """See `asyncio.Transport.close`."""
        if not self._transport.is_closing() and self._protocol.linger(self._transport):
            self._lingers = True
        else:
            self._transport.close()

    def is_closing(self) -> bool:
        """See `asyncio.Transport.is_closing`."""
        return self._lingers or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)  # all else of asyncio.Transport, whose attributes vary by its class


class BoundedConnection(h11.Connection):
    """A server's side of an HTTP/1.1 connection that refuses framing which is out of proportion to what it frames.

    Attributes:
        refusal: What is wrong with the request that was refused last; None if it is not about these bounds.
    """

    def __init__(self, most: int) -> None:
        super().__init__(h11.SERVER, most)
        self.refusal: RequestError | None = None
        self._newlines = 0  # in what h11 has not parsed yet, at most
        self._chunks = self._body = self._wire = 0  # of this request: chunks, bytes in them, bytes with their framing

    def receive_data(self, data: bytes) -> None:
        """See `h11.Connection.receive_data`."""
        self._newlines += data.count(b"\n")
        if self.their_state is h11.SEND_BODY:
            self._wire += len(data)
        super().receive_data(data)

    def next_event(self) -> Any:
        """See `h11.Connection.next_event`.

        Raises:
            h11.RemoteProtocolError: Also where a bound is passed; `refusal` then says which.
        """
        if self.their_state is h11.IDLE and self._newlines > _MOST_LINES:
            self._check_head()
        event = super().next_event()
        if isinstance(event, h11.Request):
            self._chunks = self._body = self._wire = 0
        elif isinstance(event, h11.Data):
            self._chunks += bool(event.chunk_start)
            self._body += len(event.data)
        if self._chunks > _FREE_CHUNKS + self._body // _LEAST_CHUNK:
            hint = f"send {_LEAST_CHUNK} bytes or more in each"
            self._refuse(RequestError("the body comes in too many chunks", status=400, hint=hint))
        if self.their_state is h11.SEND_BODY and self._wire > _FREE_BYTES + 2 * self._body:
            hint = "leave out chunk extensions and trailers"
            self._refuse(RequestError("the body has too much framing", status=400, hint=hint))
        return event

    def _check_head(self) -> None:
        """Counts the lines of the next head only where there are many newlines at all, since it copies the buffer."""
        data = self.trailing_data[0]
        end = _END_OF_HEAD.search(data)
        self._newlines = data.count(b"\n")
        if (data.count(b"\n", 0, end.start()) if end else self._newlines) > _MOST_LINES:
            self._refuse(
                RequestError("there are too many headers", status=431, hint=f"at most {_MOST_LINES} are taken")
            )

    def _refuse(self, refusal: RequestError) -> None:
        self.refusal = refusal
        raise h11.RemoteProtocolError(refusal.what)
