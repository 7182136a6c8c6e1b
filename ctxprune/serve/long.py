"""Long requests, each in a process of its own while it lasts, which ends with its deadline.

Where there are several processes, one takes no request of more than a second, so that a table that is expensive for its
size waits for others like it, not for megabytes of other clients with the same key.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from queue import LifoQueue
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError, RequestError
from ctxprune.serve.batching import Batcher
from ctxprune.serve.cost import MODERATE_SECONDS
from ctxprune.serve.frames import decode_error
from ctxprune.serve.limits import ClientGoneError
from ctxprune.serve.logs import log
from ctxprune.serve.scoring import Outcome
from ctxprune.serve.worker_process import WorkerProcess, exit_reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxprune.serve.call import Call
    from ctxprune.serve.metrics import Metrics
    from ctxprune.serve.settings import ServiceConfig

__all__ = ["GUARDRAIL_PATH", "LARGE_PATHS", "LONG_PATHS", "LongRequests"]

GUARDRAIL_PATH = "/beta/litellm_basic_guardrail_api"
LONG_PATHS = frozenset({"/v1/prune", "/v1/rerank", GUARDRAIL_PATH})
# Paths whose bodies may be as large as `body_bytes` says; a long text in a call of an MCP tool goes to a worker.
LARGE_PATHS = LONG_PATHS | {"/v1/mcp"}
# Bytes of an answer for one of the largest body: a table's rows come once more, each with its score.
_MAX_REPLY_RATIO = 12
_MIN_WORKERS = 2  # one of them is free for moderate requests, whatever the others do


class LongRequests:
    """Worker processes, started when first needed, and the requests that wait for one.

    Args:
        config: Of the service.
        threads: That short requests are worked on in.
        metrics: Records each run.
    """

    def __init__(self, config: ServiceConfig, threads: int, metrics: Metrics) -> None:
        limits = config.limits
        workers = limits.workers or max(_MIN_WORKERS, threads - 1)
        settings = {
            "model": asdict(config.model),
            "seconds": limits.seconds,
            "documents": limits.documents,
            "worker_bytes": limits.worker_bytes,
            "reply_bytes": _MAX_REPLY_RATIO * limits.body_bytes,
        }
        self._metrics = metrics
        self._workers = [WorkerProcess(settings) for _ in range(workers)]
        self._idle: LifoQueue[WorkerProcess] = LifoQueue()  # so that no more processes start than work at the same time
        for worker in self._workers:
            self._idle.put(worker)
        self._pool = ThreadPoolExecutor(workers, "ctxprune-serve-long")
        self._batcher: Batcher[_Job, Outcome] = Batcher(
            self._run, self._pool, most=1, runs=workers, cheap=MODERATE_SECONDS
        )

    async def do(self, path: str, call: Call) -> Outcome:
        """The answer to one request; once cancelled, the work on it ends. The call holds its bytes instead of the body.

        Raises:
            CtxpruneError: Whatever the work raises; RequestError, 422, where it takes too much memory, 429 where there
                is no room for the answer, and 503 where the process cannot be started or ended of itself.
        """
        # The job owns the body from here, so that it is freed as soon as the worker has it.
        head = {"path": path, "content_type": call.content_type, "id": call.id, "mark": call.mark}
        job = _Job(head, call.body)
        call.body = b""
        try:
            outcome = await self._batcher.submit(job, call.key.name, call.cost)
        finally:
            job.stop()
        call.reserve(len(outcome.body))
        return outcome

    def _run(self, jobs: Sequence[_Job]) -> list[Outcome | Exception]:
        self._metrics.batch(len(jobs))
        with self._borrow() as worker:
            try:
                return [jobs[0].run(worker)]
            except Exception as error:  # noqa: BLE001 - handed to the request it belongs to
                return [error]

    @contextmanager
    def _borrow(self) -> Iterator[WorkerProcess]:
        """A worker for one use; it goes back either without a process or with one that waits for a request."""
        worker = self._idle.get()
        try:
            yield worker
        finally:
            try:
                worker.settle()
            finally:
                self._idle.put(worker)

    def warm(self) -> None:
        """Start a process, so that the first request does not wait for it.

        Raises:
            RequestError: 503, it cannot be started, or does not get ready in time.
            ClientGoneError: The service has ended meanwhile.
        """
        with self._borrow() as worker:
            worker.get_ready()

    def close(self) -> None:
        """End all processes, and with them the work on requests."""
        for worker in self._workers:
            worker.close()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for worker in [self._idle.get() for _ in self._workers]:  # waits for `warm`, which may have one
            worker.end()
            self._idle.put(worker)


class _Job:
    """One request, which may be stopped at any time from another thread."""

    def __init__(self, head: dict[str, Any], body: bytes) -> None:
        self._head, self._body = head, body
        self._lock = threading.Lock()
        self._worker: WorkerProcess | None = None
        self._stopped = False

    def run(self, worker: WorkerProcess) -> Outcome:
        """The answer to the request. Once this has returned or raised, `stop` no longer kills the worker.

        Raises:
            CtxpruneError: What the work raised, or what `LongRequests.do` says of the worker.
            ClientGoneError: The job was stopped, or the service has ended.
        """
        # Under the lock, so that `stop` either sees the worker or prevents its use.
        with self._lock:
            self._raise_if_stopped()
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
            raise decode_error(head)
        raise self._failure(head)

    def _failure(self, head: dict[str, Any]) -> CtxpruneError:
        reason = "memory" if "memory" in head else head.get("failed")
        fields = {"cause": reason, "returncode": head.get("ended")}
        log("long request failed", level=logging.ERROR, request_id=self._head["id"], **fields)
        if "memory" in head:
            return RequestError("the request takes too much memory", status=422, hint="send it in parts")
        if "failed" in head:
            return CtxpruneError("the work on a long request failed")
        # Of itself it ends by a fault of the service or of a library, or since the machine is out of memory, which may
        # be due to others: only an allocation that failed within the request's own limit is the request's fault.
        reason = exit_reason(head["ended"])
        return RequestError(f"the worker process ended ({reason})", status=503, hint="try again later")

    def _check(self) -> None:
        with self._lock:
            self._raise_if_stopped()

    def _raise_if_stopped(self) -> None:
        if self._stopped:
            raise ClientGoneError

    def stop(self) -> None:
        """Stop the work: the client is gone, or the deadline has passed."""
        with self._lock:
            self._stopped = True
            if self._worker is not None:
                self._worker.kill()
