"""What one request may take, and how many are worked on at once."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ctxprune.errors import RequestError
from ctxprune.serve.attachments import AttachmentFilter
from ctxprune.serve.cost import SHORT_BYTES
from ctxprune.serve.fairness import FairQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from ctxprune.serve.fairness import Ledger
    from ctxprune.serve.settings import LimitsConfig

__all__ = [
    "ClientGoneError",
    "Gate",
    "Reservation",
    "check_headers",
    "check_host",
    "check_origin",
    "has_body",
    "read_body",
    "spread",
    "wait_until_gone",
]

_SPREAD = 0.25
_PORT = re.compile(r":\d*$")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class ClientGoneError(Exception):
    """The client closed the connection, or nobody waits for the answer any longer for another reason."""


class Gate:
    """Lets a number of requests in at once, and a number of each key wait for their turn; the keys take turns.

    Args:
        concurrency: Requests inside.
        queue: Requests of one key that wait.
        most_of_one: Requests of one key inside; default all.
    """

    def __init__(self, concurrency: int, queue: int, most_of_one: int | None = None) -> None:
        self._free, self._queue = concurrency, queue
        self._most_of_one = concurrency if most_of_one is None else most_of_one
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()
        self._inside: Counter[str] = Counter()
        self.closed = False

    @property
    def inside(self) -> int:
        """Requests that are worked on."""
        return sum(self._inside.values())

    @property
    def waiting(self) -> int:
        """Requests that wait for their turn."""
        return len(self._waiting)

    def check_open(self) -> None:
        """Raises RequestError, 503, once the gate is closed."""
        if self.closed:
            raise RequestError("the service is stopping", status=503, hint="ask another instance, or try again later")

    @asynccontextmanager
    async def turn(self, key: str, cost: float = 0.0) -> AsyncIterator[None]:
        """Waits for a turn, and holds it.

        Args:
            key: Name of the key of the request.
            cost: Estimated seconds of work; of those of a key that wait, a cheap one comes before an expensive one.

        Raises:
            RequestError: 429 where too many of that key wait already, 503 once the gate is closed.
        """
        self.check_open()
        # Those of this key that wait already go first.
        if not self._may_enter(key) or self._waiting.count(key):
            await self._wait(key, cost)
        else:
            self._enter(key)
        try:
            yield
        finally:
            self._leave(key)

    async def _wait(self, key: str, cost: float) -> None:
        if self._waiting.count(key) >= self._queue:
            raise RequestError("too many requests at once", status=429, hint="wait as Retry-After says, then try again")
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.push(key, admitted, cost)
        try:
            await admitted
        except asyncio.CancelledError:
            self._waiting.remove(key, admitted)
            if admitted.done() and not admitted.cancelled():  # its turn had come at the same moment
                self._leave(key)
            raise

    def _may_enter(self, key: str) -> bool:
        return self._free > 0 and self._inside[key] < self._most_of_one

    def _enter(self, key: str) -> None:
        self._free -= 1
        self._inside[key] += 1

    def _leave(self, key: str) -> None:
        self._free += 1
        self._inside[key] -= 1
        if not self._inside[key]:
            del self._inside[key]
        while (entering := self._waiting.next_key(self._may_enter)) is not None:
            admitted = self._waiting.pop(entering)
            if not admitted.done():
                self._enter(entering)
                admitted.set_result(None)


def check_headers(headers: Sequence[tuple[bytes, bytes]], most: int) -> None:
    """Refuse headers that are too large, or that say in two ways where the body ends.

    Of `Content-Length` and `Transfer-Encoding` in one request, a proxy in front may believe the other than this service
    does; what one takes for the body is then a further request to the other.

    Raises:
        RequestError: 431, all headers together have more than `most` bytes; 400, there are both.
    """
    if sum(len(name) + len(value) + 4 for name, value in headers) > most:
        raise RequestError("the headers are too large", status=431, hint=f"at most {most} bytes are taken")
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in headers}:
        hint = "send one of Content-Length and Transfer-Encoding"
        raise RequestError("the length of the body is said in two ways", status=400, hint=hint)


def check_host(headers: Sequence[tuple[bytes, bytes]], names: Collection[str]) -> None:
    """Refuse a request that is addressed to a name which is not the service's.

    A service without keys trusts whoever reaches it. A web page can reach it through its visitor's browser, by a host
    name that resolves to loopback (DNS rebinding); but that name then stands in the request.

    Raises:
        RequestError: 421, the name is another, or there is not exactly one.
    """
    hosts = [value for name, value in headers if name == b"host"]
    host = hosts[0].decode("latin-1").lower() if len(hosts) == 1 else ""
    name = host.rpartition(":")[0] if _PORT.search(host) else host
    if name not in names:
        hint = "address it as localhost, or by one of `names` in the configuration"
        raise RequestError("the service has another name", status=421, hint=hint)


def check_origin(headers: Sequence[tuple[bytes, bytes]]) -> None:
    """Refuse a request that a page of another service makes; to call before a service without keys answers.

    Browsers let any web page send requests to loopback, and say in `Origin` which page it is. The page cannot read the
    answer, but the work is done. Requests that no page makes have no such header.

    Raises:
        RequestError: 403, the page is from another host or port than the request is addressed to.
    """
    origins, hosts = (
        [value.decode("latin-1").lower() for name, value in headers if name == wanted]
        for wanted in (b"origin", b"host")
    )
    for origin in origins:
        scheme, _, place = origin.partition("://")
        default = _DEFAULT_PORTS.get(scheme, "")
        if not default or [_with_port(place, default)] != [_with_port(host, default) for host in hosts]:
            hint = "ask from the service's own page, or from a program; pages of other services need one with keys"
            raise RequestError("the request comes from another service's page", status=403, hint=hint)


def _with_port(place: str, default: str) -> str:
    name, colon, port = place.rpartition(":") if _PORT.search(place) else (place, "", "")
    return f"{name}:{port or default}" if colon else f"{place}:{default}"


def has_body(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request says that a body follows its headers."""
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


class Reservation:
    """What one request holds of the memory for bodies and answers.

    The first bytes are not counted: all connections together can hold little of these, and short requests are taken
    however many long ones there are.

    Args:
        ledger: Of the bytes that are held.
        key: Name of the key of the request.
    """

    def __init__(self, ledger: Ledger, key: str) -> None:
        self._ledger, self._key, self._size = ledger, key, 0

    def resize(self, size: int) -> None:
        """Set the reserved bytes to `size`.

        Raises:
            RequestError: 429, there is no room for them.
        """
        more = max(0, size - SHORT_BYTES) - self._size
        if more > 0 and not self._ledger.take(self._key, more):
            hint = "wait as Retry-After says, then try again"
            raise RequestError("too many long requests at once", status=429, hint=hint)
        if more < 0:
            self._ledger.give_back(self._key, -more)
        self._size += more


async def read_body(
    receive: Any, headers: Mapping[bytes, bytes], limits: LimitsConfig, reservation: Reservation
) -> tuple[bytes, str]:
    """The whole body, counted as it comes, and the mark for what was left out of it; "" where it is whole.

    Args:
        receive: ASGI's.
        headers: Its Content-Length is looked at, by which an honest client is refused before it sends anything.
        limits: Of bytes and of time. Where `attachment_bytes` is not 0, encoded images and files do not count as bytes
            of the body, and of a body that is too large with them they are left out.
        reservation: Grows with the bytes that are kept.

    Raises:
        RequestError: 413, it has more bytes than are taken; 408, it did not arrive in time; 429, there is no room.
        ClientGoneError: The client went away.
    """
    declared = headers.get(b"content-length", b"")
    # Twenty digits are enough to compare; int() of thousands of digits takes long.
    if declared.isdigit() and int(declared[:20]) > limits.body_bytes + limits.attachment_bytes:
        raise _too_large(limits)
    try:
        return await asyncio.wait_for(_read_parts(receive, limits, reservation), spread(limits.read_seconds))
    except TimeoutError as error:
        hint = f"it may take {limits.read_seconds:g} seconds; send less at once"
        raise RequestError("the body did not arrive in time", status=408, hint=hint) from error


async def _read_parts(receive: Any, limits: LimitsConfig, reservation: Reservation) -> tuple[bytes, str]:
    parts: list[bytes] = []
    size = total = 0
    attachments: AttachmentFilter | None = None
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        part = message.get("body", b"")
        # Counted as they come: a client may declare less than it sends.
        total += len(part)
        if total > limits.body_bytes + limits.attachment_bytes:
            raise _too_large(limits)
        parts.append(part if attachments is None else attachments.feed(part))
        size += len(parts[-1])
        if size > limits.body_bytes and limits.attachment_bytes and attachments is None:
            # Only now, so that bodies of usual size stay as they are.
            attachments = AttachmentFilter()
            parts = [attachments.feed(b"".join(parts))]
            size = len(parts[0])
        last = not message.get("more_body", False)
        if last and attachments is not None:
            parts.append(attachments.finish())
            size += len(parts[-1])
        if size > limits.body_bytes:
            raise _too_large(limits)
        reservation.resize(size)
        if last:
            return b"".join(parts), "" if attachments is None else attachments.mark


def spread(seconds: float) -> float:
    """A time limit that is up to a quarter longer, by chance.

    Connections that were opened together would otherwise all be closed in one pass of the event loop, and so keep it
    from the others for 0.1 seconds.
    """
    return seconds * random.uniform(1.0, 1.0 + _SPREAD)


def _too_large(limits: LimitsConfig) -> RequestError:
    hint = f"at most {limits.body_bytes} bytes are taken"
    if limits.attachment_bytes:
        hint += f", and {limits.attachment_bytes} of encoded images and files"
    return RequestError("the body is too large", status=413, hint=hint)


async def wait_until_gone(receive: Any) -> None:
    """Returns when the client closes the connection; the body was read before."""
    while (await receive())["type"] != "http.disconnect":
        pass
