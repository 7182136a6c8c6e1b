"""Child processes that run SQLite queries for one `Database`: started when needed, killed when late, never shared."""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError

from . import _sqlite_worker as worker

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Pool", "raise_failure"]

_GRACE = 0.3  # seconds after the deadline that a child may take to say so itself
_HEADER = struct.Struct(">I")


def raise_failure(kind: str, message: str, where: str) -> None:
    """Raise the error of ctxprune for a failure that a worker reports.

    Raises:
        QueryError, QueryTimeoutError, QueryLimitError, DatabaseError: As `kind` says.
    """
    if kind == "query":
        raise QueryError(message, where=where)
    if kind == "timeout":
        raise QueryTimeoutError("the query ran past its deadline", where=where, hint="raise Limits.seconds")
    if kind == "limit":
        raise QueryLimitError(f"the query exceeded a memory or size limit ({message})", where=where)
    raise DatabaseError(message, where=where)


class Child:
    """One worker process and its two pipes. Used by one thread at a time."""

    def __init__(self, path: str, memory: int) -> None:
        self.memory = memory
        command = [sys.executable, "-I", "-S", str(Path(worker.__file__))]
        try:
            self._process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, cwd=os.sep
            )
        except (OSError, ValueError) as error:
            raise DatabaseError(
                f"the worker process cannot start ({error})",
                where=" ".join(command),
                hint="use Database(..., isolated=False) where processes cannot be started",
            ) from error
        self._buffer = bytearray()
        self.send({"path": path, "memory": memory})

    def send(self, message: object) -> None:
        """Send one frame."""
        data = json.dumps(message).encode("ascii")
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write(_HEADER.pack(len(data)) + data)

    def receive(self, until: float) -> Any:
        """The next frame; None when the child is gone.

        Raises:
            TimeoutError: The monotonic time `until` has passed.
        """
        while True:
            if len(self._buffer) >= 4:
                end = 4 + _HEADER.unpack_from(self._buffer)[0]
                if len(self._buffer) >= end:
                    with memoryview(self._buffer) as view:
                        message = json.loads(bytes(view[4:end]), object_hook=_unblob)
                    del self._buffer[:end]
                    return message
            data = self._read(until)
            if not data:
                return None
            self._buffer += data

    def _read(self, until: float) -> bytes:
        assert self._process.stdout is not None  # noqa: S101
        handle = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise TimeoutError
        return os.read(handle, 1 << 20)

    def kill(self) -> int:
        """End the process at once and free everything; its exit status."""
        self._process.kill()
        status = self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        return status


def _unblob(value: dict[str, Any]) -> Any:
    if value.keys() == {"b"}:
        import base64

        return base64.b64decode(value["b"])
    return value


@dataclass
class _State:
    """What outlives the pool until its children are gone."""

    pid: int
    idle: list[Child] = field(default_factory=list)
    all: set[Child] = field(default_factory=set)


def _end(state: _State) -> None:
    if state.pid != os.getpid():  # a fork of the owner: these are its parent's children
        return
    for child in list(state.all):
        child.kill()
    state.all.clear()
    state.idle.clear()


class Pool:
    """At most `size` children for one file."""

    def __init__(self, path: str, size: int) -> None:
        self._path = path
        self._slots = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._state = _State(os.getpid())
        self._finalizer = weakref.finalize(self, _end, self._state)

    def close(self) -> None:
        """End all children."""
        with self._lock:
            self._finalizer()

    def run(self, request: dict[str, Any], memory: int) -> Iterator[list[Any]]:
        """Answers of one request as they come: rows and reset messages, at last the done message.

        Raises:
            DatabaseError: Or one of its subclasses.
        """
        with self._child(memory) as child:
            until = time.monotonic() + request["seconds"] + _GRACE
            finished = False
            try:
                child.send(request)
                while not finished:
                    message = child.receive(until)
                    if message is None:
                        status = child.kill()
                        raise_failure("limit", f"the worker process ended with status {status}", self._path)
                    finished = message[0] in {"done", "error"}
                    if message[0] == "error":
                        raise_failure(message[1], message[2], self._path)
                    yield message
                    if message[0] == "rows" and request.get("batch"):
                        child.send({"op": "more"})
                        until = time.monotonic() + request["seconds"] + _GRACE
            except TimeoutError as error:
                if not isinstance(error, QueryTimeoutError):
                    raise_failure("timeout", "", self._path)
                raise
            finally:
                if not finished:
                    self._discard(child)

    @contextmanager
    def _child(self, memory: int) -> Iterator[Child]:
        with self._slots:
            child = self._take(memory)
            try:
                yield child
            finally:
                with self._lock:
                    if child in self._state.all:
                        self._state.idle.append(child)

    def _take(self, memory: int) -> Child:
        with self._lock:
            if self._state.pid != os.getpid():
                self._state = _State(os.getpid())
                self._finalizer = weakref.finalize(self, _end, self._state)
            while self._state.idle:
                child = self._state.idle.pop()
                if child.memory == memory:
                    return child
                self._state.all.discard(child)
                child.kill()
            child = Child(self._path, memory)
            self._state.all.add(child)
            return child

    def _discard(self, child: Child) -> None:
        with self._lock:
            self._state.all.discard(child)
        child.kill()
