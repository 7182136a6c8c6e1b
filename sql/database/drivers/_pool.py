"""Who runs the queries of one file: child processes that can be killed, or engines in this process."""

from __future__ import annotations

import os
import threading
import time
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError
from ctxprune.utils.cancellation import check_cancelled

from ._child import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from ._engine import FileEngine
    from .base import Cancel

__all__ = ["Pool"]

_GRACE = 0.3  # seconds after the deadline that a child may take to say so itself


class _State:
    """What must be ended with the pool: idle servers, and all of them."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.idle: list[Child | FileEngine] = []
        self.all: set[Child | FileEngine] = set()

    def end(self) -> None:
        """Free every server of this process."""
        if self.pid == os.getpid():  # else these are the servers of the process that this one was forked from
            for server in self.idle:
                _free(server)
            for server in self.all.difference(self.idle):  # its thread frees it
                server.interrupt()
        self.all.clear()
        self.idle.clear()


def _stop(child: Child) -> bool:
    """End a stream early; whether the child can serve the next request."""
    child.send({"op": "stop"})
    try:
        message = child.receive(time.monotonic() + 1.0)
    except TimeoutError:
        return False
    return message is not None and message[0] == "done"


def _free(server: Child | FileEngine) -> None:
    if isinstance(server, Child):
        server.kill()
    else:
        server.close()


class Pool:
    """Servers for one file, started when needed.

    A query takes one of `size` turns. A stream (a request with "batch") takes none, since its reader may well run
    queries between two batches.

    Args:
        engine: What runs them.
        path: Absolute path of the file.
        size: Queries that run at the same time, 1 or more.
        isolated: Run them in child processes.
        explain: What a message of the engine about the file (second argument) means.
    """

    def __init__(
        self,
        engine: type[FileEngine],
        path: str,
        size: int,
        isolated: bool,
        explain: Callable[[str, str], DatabaseError],
    ) -> None:
        self._engine, self._path, self._size, self._isolated = engine, path, size, isolated
        self._explain = explain
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(self._size)
        self._state = _State()
        self._finalizer = weakref.finalize(self, self._state.end)

    def _after_fork(self) -> None:
        # after a fork the servers belong to the parent: ending them would break its queries
        if self._state.pid != os.getpid():
            for server in self._state.all:
                if isinstance(server, Child):
                    server.abandon()
                else:
                    server.close()
            self._finalizer.detach()
            self._start()

    def close(self) -> None:
        """End all servers; running queries fail. A later query starts new ones."""
        self._after_fork()
        with self._lock:
            self._state.end()

    def run(
        self, request: dict[str, Any], memory: int, cancel: Cancel | None = None
    ) -> Generator[list[Any], None, None]:
        """Answers of one request as they come: "rows" and "reset", at last "done".

        Raises:
            DatabaseError: Or the subclass that says why the query failed.
            asyncio.CancelledError: The question was cancelled before this query began.
        """
        check_cancelled()
        self._after_fork()
        # a reader of a stream may run queries between two batches: with a turn of its own it could wait for itself
        with self._server(memory, stream="batch" in request) as server:
            if isinstance(server, Child):
                yield from self._ask(server, request, cancel)
            else:
                yield from self._run_here(server, request, cancel)

    def _run_here(
        self, engine: FileEngine, request: dict[str, Any], cancel: Cancel | None
    ) -> Generator[list[Any], None, None]:
        try:
            if cancel is not None:
                cancel.watch(engine.interrupt)
            for message in engine.replies(request):
                if message[0] == "error":
                    raise self._error(message[1], message[2])
                yield message
        finally:
            if cancel is not None:
                cancel.watch(None)

    def _ask(self, child: Child, request: dict[str, Any], cancel: Cancel | None) -> Generator[list[Any], None, None]:
        clean = False
        try:
            if cancel is not None:
                cancel.watch(child.interrupt)
            child.send(request)
            until = time.monotonic() + request["seconds"] + _GRACE
            while not clean:
                message = self._answer(child, until)
                # only a child that finished its answer can serve the next request
                clean = message[0] in {"done", "error"}
                if message[0] == "error":
                    raise self._error(message[1], message[2])
                streamed = message[0] == "rows" and "batch" in request
                try:
                    yield message
                except GeneratorExit:
                    if streamed:
                        clean = _stop(child)
                    raise
                if streamed:
                    child.send({"op": "more"})
                    until = time.monotonic() + request["seconds"] + _GRACE
        finally:
            if cancel is not None:
                cancel.watch(None)
            if not clean or (cancel is not None and cancel.cancelled):
                with self._lock:
                    self._state.all.discard(child)

    def _answer(self, child: Child, until: float) -> list[Any]:
        try:
            message: list[Any] | None = child.receive(until)
        except TimeoutError:
            raise self._error("timeout", "") from None
        if message is None:
            with self._lock:
                # a killed child and a closed pool look alike at the pipe
                closed = child not in self._state.all
            raise self._error(
                *(("database", "the database was closed during the query") if closed else child.exit_reason())
            )
        return message

    def _error(self, kind: str, message: str) -> DatabaseError:
        if kind == "query":
            return QueryError(message, where=self._path)
        if kind == "timeout":
            return QueryTimeoutError(
                "the query ran past its deadline", where=self._path, hint="simplify it or raise Limits.seconds"
            )
        if kind == "limit":
            return QueryLimitError(
                f"the query needs too much memory ({message})",
                where=self._path,
                hint="simplify it or raise Limits.memory",
            )
        return self._explain(message, self._path)

    @contextmanager
    def _server(self, memory: int, stream: bool) -> Iterator[Child | FileEngine]:
        turns = None if stream else self._turns
        if turns is not None:
            turns.acquire()
        try:
            server = self._take(memory)
            try:
                yield server
            finally:
                with self._lock:
                    if server in self._state.all:
                        self._state.idle.append(server)
                    else:  # of no further use
                        _free(server)
        finally:
            if turns is not None:
                turns.release()

    def _take(self, memory: int) -> Child | FileEngine:
        with self._lock:
            while self._state.idle:
                server = self._state.idle.pop()
                # the memory limit of a child is set once, at its start
                if server.memory == memory and server.alive:
                    return server
                self._state.all.discard(server)
                _free(server)
        server = Child(self._engine, self._path, memory) if self._isolated else self._engine(self._path, memory)
        with self._lock:
            self._state.all.add(server)
        return server
