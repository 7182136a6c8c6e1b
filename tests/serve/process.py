"""`ctxprune serve` as a process on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx


class Served:
    """The running command: starts it, reads its log, and ends it at the end of the block.

    Args:
        config: Its file.
        ready: Wait until it can work.
        plugins: A folder of further packages.
        command: What is run, with its options.

    Attributes:
        url: Where it listens.
        lines: What it has logged.
        notes: Its lines for people, where no file configures it.
    """

    def __init__(
        self,
        config: Path | None,
        *databases: str,
        ready: bool = True,
        plugins: Path | None = None,
        command: tuple[str, ...] = ("serve",),
    ) -> None:
        configured = [] if config is None else ["--config", str(config)]
        words = [sys.executable, "-m", "ctxprune", *command, *configured, *databases, "--port", "0"]
        places = [str(plugins), os.environ.get("PYTHONPATH", "")] if plugins else [os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment)
        self.lines: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.raw = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = self.line("listening")["port"]
        self.url = f"http://127.0.0.1:{self.port}"
        until = time.monotonic() + 60
        while ready and httpx.get(f"{self.url}/readyz", timeout=30).status_code != 200:
            assert time.monotonic() < until, self.raw
            time.sleep(0.1)

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.raw += line.decode()
            if line.startswith(b"ctxprune: "):
                self.notes.append(line.decode().strip())
            else:
                self.lines.append(json.loads(line))

    def line(self, event: str, **fields: object) -> dict[str, Any]:
        """The first line of that event with these fields, waited for."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for line in list(self.lines):
                if line["event"] == event and all(line.get(name) == value for name, value in fields.items()):
                    return line
            assert self.process.poll() is None or self._reader.is_alive(), self.raw
            time.sleep(0.02)
        raise AssertionError(f"no {event} {fields} in: {self.raw}")

    def memory(self, name: str = "VmRSS") -> float:
        """Megabytes that the process holds, or held at most (VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(f"{name}:"))

    def forget_peak(self) -> None:
        """From now on VmHWM is what is held at most from now on."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """The exit code after that signal."""
        self.process.send_signal(number)
        return self.process.wait(30)

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(5)
        if self.process.stderr is not None:
            self.process.stderr.close()
