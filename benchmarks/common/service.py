"""`ctxprune serve` as a process, and clients that cost little, so that what is measured is the service."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, perf_counter, sleep

_READY_SECONDS = 120
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Service:
    """A running service; a context manager.

    Args:
        folder: Where the configuration and the log are written.
        name: Of these files.
        config: TOML.
    """

    def __init__(self, folder: Path, name: str, config: str) -> None:
        path, self.log = folder / f"{name}.toml", folder / f"{name}.log"
        path.write_text(config, encoding="utf-8")
        words = [sys.executable, "-m", "ctxprune", "serve", "--config", str(path), "--port", "0"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(words, stderr=log)
        until = monotonic() + _READY_SECONDS
        while not (port := _port(self.log)) or not _ready(port):
            if self.process.poll() is not None or monotonic() > until:
                raise SystemExit(f"the service did not start: {self.log.read_text()[-2000:]}")
            sleep(0.1)
        self.port = port

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def memory(self, name: str = "VmRSS") -> float:
        """Megabytes that it holds (VmRSS), or held at most (VmHWM)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:"))

    def family_memory(self) -> float:
        """Megabytes that the service and its child processes hold."""
        family = [self.process.pid]
        for pid in family:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):
                    family += map(int, children.read_text().split())
        total = 0.0
        for pid in family:
            with suppress(OSError, StopIteration):  # it ended meanwhile
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                total += next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))
        return total

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        parts = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / _TICKS

    def metric(self, name: str) -> float:
        """One value of /metrics."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics") as reply:
            lines = reply.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


def _port(log: Path) -> int:
    lines = [json.loads(line) for line in log.read_text().splitlines() if '"listening"' in line]
    return int(lines[0]["port"]) if lines else 0


def _ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=30) as reply:
            return reply.status == 200
    except OSError:
        return False


@dataclass
class Reply:
    """What came back: 0 as status where the connection broke."""

    status: int
    body: bytes
    id: str
    seconds: float


class Connection:
    """One kept-alive connection; opened again after it broke."""

    def __init__(self, port: int, key: str = "") -> None:
        self._port = port
        self._key = f"x-api-key: {key}\r\n" if key else ""
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, body: bytes, number: str = "") -> Reply:
        start = perf_counter()
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nx-request-id: {number or 'x'}\r\n"
        head += "content-type: application/json\r\n"
        try:
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._writer.write(f"{head}{self._key}content-length: {len(body)}\r\n\r\n".encode() + body)
            answer = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            fields = dict(line.split(": ", 1) for line in answer.lower().splitlines()[1:] if line)
            content = await self._content(fields)
        except (OSError, EOFError, asyncio.IncompleteReadError) as error:
            self.close()
            return Reply(0, repr(error).encode(), number, perf_counter() - start)
        return Reply(int(answer.split()[1]), content, fields["x-request-id"], perf_counter() - start)

    async def _content(self, fields: dict[str, str]) -> bytes:
        if "content-length" in fields:
            return await self._reader.readexactly(int(fields["content-length"]))
        parts = []
        while size := int(await self._reader.readline(), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readline()
        await self._reader.readline()
        return b"".join(parts)

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


@dataclass
class Tally:
    """Replies by status, and the times of the good ones."""

    statuses: dict[int, int] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def add(self, reply: Reply) -> None:
        self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1
        if reply.status == 200:
            self.seconds.append(reply.seconds)
