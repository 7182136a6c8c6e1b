"""Bounds on what parsing a request may cost before anything is known of whoever sends it.

h11 takes 5 microseconds and more for each header line and each chunk, in the event loop and whether or not there is a
key. A head of thousands of lines or a body in chunks of one byte would keep all other connections waiting.
"""

from __future__ import annotations

import re
from typing import Any

import h11

from ctxprune.errors import RequestError

__all__ = ["BoundedConnection"]

_MOST_LINES = 256  # of a head, its first line included
_FREE_CHUNKS = 256  # whatever they hold
_LEAST_CHUNK = 256  # bytes that chunks beyond those hold, on average
_FREE_BYTES = 32_768  # of framing: chunk sizes, extensions, trailers; beyond them at most one for each byte of the body
_END_OF_HEAD = re.compile(rb"\n\r?\n")


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
