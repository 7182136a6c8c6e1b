"""Twenty abusive clients of the service on loopback, for a while: `python benchmarks/stress/abuse.py PORT SECONDS KEY`.

Says "ready" once all is prepared, and begins when a line comes in. Prints how each kind of request ended: statuses,
"cut" where the service closed the connection, "slow" where the client gave up after 45 seconds.
All is bounded: in time by SECONDS, in size by what stands here.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import sys
from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

PATIENCE_SECONDS = 45.0
BODIES = 64  # connections of one client with a body that never ends; three of them are 192
HEADERS = 40
IDLE = 600
PROSE = "It opened in 1933, the old bridge of the bay, and cats sleep near it all day long. "


def asked(**parts: object) -> bytes:
    return json.dumps({"query": "When did the bridge open?", **parts}).encode()


def bodies() -> Iterator[tuple[str, bytes, str]]:
    """What is sent whole: a name, the body, and the path."""
    numbers = b'{"query": "a", "documents": [' + b"1," * 1_900_000 + b"1]}"
    entries = b"{" + b",".join(b'"k%d":0' % number for number in range(300_000)) + b"}"
    table = "name,year,place,note\n" + "bridge,1933,bay,opened\n" * 60_000
    values = json.dumps([{"id": number, "name": f"bridge {number}", "year": 1933} for number in range(40_000)])
    yield "numbers as documents", numbers, "/v1/prune"
    yield "a million empty documents", asked(documents=[""] * 900_000), "/v1/prune"
    yield "unknown entries", entries, "/v1/rerank"
    yield "deep arrays", b"[" * 3_900_000, "/v1/prune"
    yield "deep JSON as text", asked(kind="json", text="[" * 900_000 + "]" * 900_000), "/v1/prune"
    yield "commas", asked(kind="csv", text="," * 1_500_000), "/v1/prune"
    yield "commas, a few", asked(kind="csv", text="," * 3_900), "/v1/prune"
    yield "a long text", asked(text=PROSE * 40_000), "/v1/prune"
    yield "a long table", asked(kind="csv", text=table), "/v1/prune"
    yield "long JSON", asked(kind="json", text=values), "/v1/prune"
    yield "a text just short", asked(text=PROSE * 45), "/v1/prune"
    yield "a text of 30 KB", asked(text=PROSE * 380), "/v1/prune"
    yield "a question to a database, 3 MB", asked(database="a" * 3_000_000), "/v1/sql/ask"
    yield "a gz bomb", gzip.compress(bytes(100_000_000), 1), "/v1/prune"


def head(path: str, key: str, size: int, more: str = "") -> bytes:
    kind = "content-type: application/json\r\ncontent-encoding: gzip\r\n" if "gzip" in more else ""
    kind = kind or "content-type: application/json\r\n"
    lines = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nx-api-key: {key}\r\n{kind}content-length: {size}\r\n"
    return f"{lines}{'' if more == 'gzip' else more}\r\n".encode()


class Abuse:
    """All clients, with how their requests ended."""

    def __init__(self, port: int, seconds: float, key: str) -> None:
        self.port, self.key = port, key
        self.bodies = list(bodies())
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        self.until = monotonic() + seconds
        self.outcomes: dict[str, Counter[str]] = {}

    async def run(self) -> None:
        clients = [self.again(name, self.whole, body, path) for name, body, path in self.bodies]
        clients += [self.many("bodies without an end", BODIES, self.slow_body) for _ in range(3)]
        clients += [self.many("headers without an end", HEADERS, self.slow_head)]
        clients += [self.many("idle connections", IDLE, self.idle)]
        clients += [self.again("answers that are not read", self.unread, *self.bodies[9][1:])]
        await asyncio.gather(*clients)

    def count(self, name: str, outcome: str) -> None:
        self.outcomes.setdefault(name, Counter())[outcome] += 1

    async def many(self, name: str, count: int, once: Callable[[], Awaitable[str]]) -> None:
        await asyncio.gather(*(self.again(name, once) for _ in range(count)))

    async def again(self, name: str, once: Callable[..., Awaitable[str]], *given: object) -> None:
        while monotonic() < self.until:
            try:
                seconds = min(PATIENCE_SECONDS, self.until - monotonic())
                self.count(name, await asyncio.wait_for(once(*given), max(0.1, seconds)))
            except TimeoutError:
                self.count(name, "slow" if seconds == PATIENCE_SECONDS else "end of the test")
            except (OSError, EOFError, asyncio.IncompleteReadError):
                self.count(name, "cut")
            await asyncio.sleep(0.02)

    async def whole(self, body: bytes, path: str) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(head(path, self.key, len(body), "gzip" if body[:2] == b"\x1f\x8b" else "") + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            sizes = [line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            left = int(sizes[0].split()[1])
            while left and (part := await reader.read(min(left, 1 << 20))):
                left -= len(part)
            return answer.split()[1].decode()
        finally:
            writer.transport.abort()

    async def slow_body(self) -> str:
        return await self.trickle(head("/v1/prune", self.key, 1_000_000) + b'{"query": "')

    async def slow_head(self) -> str:
        return await self.trickle(b"POST /v1/prune HTTP/1.1\r\nhost: localhost\r\nx-endless: ")

    async def trickle(self, start: bytes) -> str:
        """A byte a second, until the service has enough of it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(start)
            answering = asyncio.ensure_future(reader.readline())
            while not (await asyncio.wait([answering], timeout=1.0))[0]:
                writer.write(b"a")
            answer = answering.result()
            return answer.split()[1].decode() if answer else "cut"
        finally:
            answering.cancel()
            writer.transport.abort()

    async def idle(self) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            return "cut" if not await reader.read(1) else "answered"
        finally:
            writer.transport.abort()

    async def unread(self, body: bytes, path: str) -> str:
        _, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1)
        try:
            writer.write(head(path, self.key, len(body)) + body)
            await writer.drain()
            while not writer.transport.is_closing():
                await asyncio.sleep(1)
            return "cut"
        finally:
            writer.transport.abort()


def main() -> None:
    os.nice(5)
    abuse = Abuse(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
    asyncio.run(abuse.run())
    sys.stdout.write(json.dumps({name: dict(counts) for name, counts in sorted(abuse.outcomes.items())}))


if __name__ == "__main__":
    main()
