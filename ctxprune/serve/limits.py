"""What one request may take, and how many are worked on at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ctxprune.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ClientGoneError", "Gate", "check_headers", "read_body", "wait_until_gone"]


class ClientGoneError(Exception):
    """The client closed the connection, or nobody waits for the answer any longer for another reason."""


class Gate:
    """Lets a number of requests in at once, and a number wait for their turn.

    Args:
        concurrency: Requests inside.
        queue: Requests that wait.
    """

    def __init__(self, concurrency: int, queue: int) -> None:
        self._turns, self._queue = asyncio.Semaphore(concurrency), queue
        self.waiting = self.inside = 0
        self.closed = False

    async def __aenter__(self) -> None:
        """Waits for a turn.

        Raises:
            RequestError: 429 where too many wait already, 503 once the gate is closed.
        """
        if self.closed:
            raise RequestError("the service is stopping", status=503, hint="ask another instance, or try again later")
        if self._turns.locked() and self.waiting >= self._queue:
            raise RequestError("too many requests at once", status=429, hint="wait as Retry-After says, then try again")
        self.waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self.waiting -= 1
        self.inside += 1

    async def __aexit__(self, *_error: object) -> None:
        self.inside -= 1
        self._turns.release()


def check_headers(headers: Iterable[tuple[bytes, bytes]], most: int) -> None:
    """Raises RequestError, 431, where all headers together have more bytes than that."""
    if sum(len(name) + len(value) + 4 for name, value in headers) > most:
        raise RequestError("the headers are too large", status=431, hint=f"at most {most} bytes are taken")


async def read_body(receive: Any, declared: bytes, most: int) -> bytes:
    """The whole body, counted as it comes.

    Args:
        receive: ASGI's.
        declared: Its Content-Length, by which an honest client is refused before it sends anything.
        most: Bytes that are taken.

    Raises:
        RequestError: 413, it has more.
        ClientGoneError: The client went away.
    """
    hint = f"at most {most} bytes are taken"
    if declared.isdigit() and int(declared[:20]) > most:
        raise RequestError("the body is too large", status=413, hint=hint)
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise RequestError("the body is too large", status=413, hint=hint)
        if not message.get("more_body", False):
            return b"".join(parts)


async def wait_until_gone(receive: Any) -> None:
    """Returns when the client closes the connection; the body was read before."""
    while (await receive())["type"] != "http.disconnect":
        pass
