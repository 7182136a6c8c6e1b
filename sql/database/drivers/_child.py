"""One child process that runs queries on a file, seen from its parent."""

from __future__ import annotations

import base64
import json
import os
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import DatabaseError

from ._file import has_interpreter

if TYPE_CHECKING:
    from typing import IO

    from ._engine import FileEngine

__all__ = ["Child"]

_START_SECONDS = 30.0
_HEADER = struct.Struct(">I")


class Child:
    """One worker process and its two pipes. Used by one thread at a time.

    Args:
        engine: What runs the queries there.
        path: Absolute path of the database file.
        memory: Bytes that the engine may allocate in it.

    Raises:
        DatabaseError: The process cannot start.
    """

    def __init__(self, engine: type[FileEngine], path: str, memory: int) -> None:
        self.memory = memory
        self._buffer = bytearray()
        # isolated (-I) and without site (-S): nothing of the user's environment runs in it, and it starts faster
        command = [sys.executable, "-I", "-S", str(Path(__file__).with_name("_worker.py"))]
        if not has_interpreter():
            raise _no_start(command, "this program is no Python interpreter")
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, cwd=os.sep
            )
        except (OSError, ValueError) as error:
            raise _no_start(command, str(error)) from error
        self._stdin: IO[bytes] = self._process.stdin  # type: ignore[assignment]
        self._stdout: IO[bytes] = self._process.stdout  # type: ignore[assignment]
        try:
            module = engine.__module__.rpartition(".")[2]
            self.send({"engine": module, "path": path, "memory": memory, "packages": _folders(engine.package)})
            ready = self.receive(time.monotonic() + _START_SECONDS)
        except (TimeoutError, ValueError) as error:
            self.kill()
            raise _no_start(command, "no answer") from error
        except BaseException:
            self.kill()
            raise
        if ready != ["ready"]:
            raise _no_start(command, f"exit status {self.kill()}")

    def send(self, message: object) -> None:
        """Send one frame; a child that is gone shows at the next `receive`."""
        data = json.dumps(message).encode("ascii")
        data = _HEADER.pack(len(data)) + data
        with suppress(OSError):
            while data:
                data = data[self._stdin.write(data) :]

    def receive(self, until: float) -> Any:
        """The next frame; None when the child is gone.

        Raises:
            TimeoutError: The monotonic time `until` has passed.
        """
        buffer = self._buffer
        while True:
            if len(buffer) >= _HEADER.size:
                end = _HEADER.size + _HEADER.unpack_from(buffer)[0]
                if len(buffer) >= end:
                    data = bytes(buffer[_HEADER.size : end])
                    del buffer[:end]
                    return json.loads(data, object_hook=_cell)
            data = _read(self._stdout.fileno(), until, self.interrupt)
            if not data:
                return None
            buffer += data

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def interrupt(self) -> None:
        """End the process; the thread that uses it sees the end of the pipe and frees the rest."""
        self._process.kill()
        self._process.wait()

    def kill(self) -> int:
        """End the process and free everything; its exit status."""
        self._process.kill()
        status = self._process.wait()
        self._close()
        return status

    def abandon(self) -> None:
        """Forget a child that belongs to the process that this one was forked from."""
        self._process.returncode = 0  # it is not ours to wait for
        self._close()

    def exit_reason(self) -> tuple[str, str]:
        """Kind and message of the failure of a query whose process ended before it answered."""
        status = self.kill()
        if status == -getattr(signal, "SIGALRM", 0):  # Windows has none
            return "timeout", ""
        return "limit", f"its process ended with exit status {status}"

    def _close(self) -> None:
        for pipe in (self._stdin, self._stdout):
            with suppress(OSError):
                pipe.close()


def _folders(package: str) -> list[str]:
    """The folder that a package is imported from; none for no package."""
    spec = find_spec(package) if package else None
    return [str(Path(spec.origin).parent.parent)] if spec is not None and spec.origin is not None else []


def _read(handle: int, until: float, interrupt: Any) -> bytes:
    seconds = until - time.monotonic()
    # select() fails on handles from 1024 up, poll() does not
    if hasattr(select, "poll"):  # not on Windows
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(max(0.0, seconds) * 1000):
            raise TimeoutError
        return os.read(handle, 1 << 18)
    timer = threading.Timer(max(0.0, seconds), interrupt)  # Windows cannot wait for a pipe
    timer.start()
    try:
        data = os.read(handle, 1 << 18)
    finally:
        timer.cancel()
    if not data and time.monotonic() >= until:
        raise TimeoutError
    return data


def _cell(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["b"]) if value.keys() == {"b"} else value


def _no_start(command: list[str], why: str) -> DatabaseError:
    return DatabaseError(
        f"the worker process cannot start ({why})",
        where=" ".join(map(str, command)),
        hint="where processes cannot be started, use Database(..., isolated=False)",
    )
