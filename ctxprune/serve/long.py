"""Long requests, each in a process of its own while it lasts, which ends with its deadline."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from queue import LifoQueue
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError, RequestError
from ctxprune.serve.batching import Batcher
from ctxprune.serve.frames import error_of, read_frame, write_frame
from ctxprune.serve.limits import ClientGoneError
from ctxprune.serve.logs import log
from ctxprune.serve.scoring import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.serve.gateway import Call
    from ctxprune.serve.metrics import Metrics
    from ctxprune.serve.settings import ServiceConfig

__all__ = ["LONG_PATHS", "LongRequests"]

LONG_PATHS = frozenset({"/v1/prune", "/v1/rerank"})
_REPLY_TIMES = 12  # bytes of an answer for one of the largest body: a table's rows come once more, each with its score
_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from ctxprune.serve.worker import main; main()"


class LongRequests:
    """Worker processes, started when first needed, and the requests that wait for one.

    Args:
        config: Of the service.
        threads: That short requests are worked on in.
        metrics: Told of each run.
    """

    def __init__(self, config: ServiceConfig, threads: int, metrics: Metrics) -> None:
        limits = config.limits
        workers = limits.workers or max(1, threads - 1)
        settings = {
            "model": asdict(config.model),
            "seconds": limits.seconds,
            "documents": limits.documents,
            "worker_bytes": limits.worker_bytes,
            "reply_bytes": _REPLY_TIMES * limits.body_bytes,
        }
        self._metrics = metrics
        self._workers = [_Worker(settings) for _ in range(workers)]
        self._idle: LifoQueue[_Worker] = LifoQueue()  # so that no more processes start than work at the same time
        for worker in self._workers:
            self._idle.put(worker)
        self._pool = ThreadPoolExecutor(workers, "ctxprune-serve-long")
        self._batcher: Batcher[_Job, Outcome] = Batcher(self._run, self._pool, most=1, runs=workers)

    async def do(self, path: str, call: Call) -> Outcome:
        """The answer to one request; once cancelled, the work on it ends. The call holds its bytes instead of the body.

        Raises:
            CtxpruneError: Whatever the work raises; RequestError, 422, where it takes too much memory, and 429 where
                there is no room for the answer.
        """
        job = _Job({"path": path, "content_type": call.content_type, "id": call.id}, call.body)
        call.body = b""
        try:
            outcome = await self._batcher.submit(job, call.key.name)
        finally:
            job.stop()
        call.hold(len(outcome.body))
        return outcome

    def _run(self, jobs: Sequence[_Job]) -> list[Outcome | Exception]:
        self._metrics.batch(len(jobs))
        worker = self._idle.get()
        try:
            return [jobs[0].run(worker)]
        except Exception as error:  # noqa: BLE001 - handed to the request it belongs to
            return [error]
        finally:
            self._idle.put(worker)

    def warm(self) -> None:
        """Start a process, so that the first request does not wait for it.

        Raises:
            CtxpruneError: It cannot be started.
        """
        worker = self._idle.get()
        try:
            worker.get_ready()
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End all processes, and with them the work on requests."""
        for worker in self._workers:
            worker.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for worker in self._workers:
            worker.end()


class _Job:
    """One request, which may be stopped at any time from another thread."""

    def __init__(self, head: dict[str, Any], body: bytes) -> None:
        self._head, self._body = head, body
        self._lock = threading.Lock()
        self._worker: _Worker | None = None
        self._stopped = False

    def run(self, worker: _Worker) -> Outcome:
        self._check()
        with self._lock:
            self._worker = worker
        try:
            worker.get_ready()
            self._check()
            head, body = worker.ask(self._head, self._body)
            self._check()
        finally:
            self._body = b""
            with self._lock:
                self._worker = None
        if "outcome" in head:
            return Outcome(body=body, **head["outcome"])
        if "error" in head:
            raise error_of(head)
        log("long request failed", level=logging.ERROR, request_id=self._head["id"], cause=head.get("failed"))
        if "failed" in head:
            raise CtxpruneError("the work on a long request failed")
        raise RequestError("the request takes too much memory", status=422, hint="send it in parts")

    def _check(self) -> None:
        with self._lock:
            if self._stopped:
                raise ClientGoneError

    def stop(self) -> None:
        """Whoever asked is gone, or the time is over."""
        with self._lock:
            self._stopped = True
            if self._worker is not None:
                self._worker.kill()


class _Worker:
    """One process, seen from the service; used by one thread at a time, but for `kill` and `close`."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def get_ready(self) -> None:
        """Start the process if there is none.

        Raises:
            CtxpruneError: It cannot be started.
            ClientGoneError: The service has ended.
        """
        if self._process is not None and self._process.poll() is None:
            return
        self.end()
        if self.is_closed():
            raise ClientGoneError
        try:
            process = self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", _CODE, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, ValueError) as error:
            raise _no_start() from error
        if self.is_closed():  # meanwhile, by another thread
            process.kill()
        found = self._exchange(process, self._settings, b"")
        if found is None:
            self.end()
            raise _no_start()
        if "error" in found[0]:
            raise error_of(found[0])

    def ask(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """What the process answers; "memory" as the head of the answer where it came to an end.

        Of itself it ends only where an allocation failed outside Python, which nothing can catch.
        """
        found = None if self._process is None else self._exchange(self._process, head, body)
        if found is None:
            self.end()
            return {"memory": True}, b""
        if "memory" in found[0] or "failed" in found[0]:  # who knows what that left behind
            self.end()
        return found

    def _exchange(
        self, process: subprocess.Popen[bytes], head: dict[str, Any], body: bytes
    ) -> tuple[dict[str, Any], bytes] | None:
        if process.stdin is None or process.stdout is None:
            return None
        with suppress(OSError):  # it is gone, which shows at the next line
            write_frame(process.stdin, head, body)
        return read_frame(process.stdout)

    def kill(self) -> None:
        """Kill the process; the thread that waits for its answer sees that."""
        process = self._process
        if process is not None:
            process.kill()

    def is_closed(self) -> bool:
        """Whether no process is to be started again."""
        return self._closed

    def close(self) -> None:
        """Kill the process, and start none again."""
        self._closed = True
        self.kill()

    def end(self) -> None:
        """End the process and free what belongs to it."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _no_start() -> RequestError:
    return RequestError("no process can be started", status=503, hint="try again later")
