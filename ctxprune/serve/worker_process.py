"""A worker process as the service sees it: started, asked, killed at any time, and handed on only in a sound state."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from ctxprune.errors import RequestError
from ctxprune.serve.frames import read_frame, write_frame
from ctxprune.serve.limits import ClientGoneError
from ctxprune.serve.logs import log

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WorkerProcess", "exit_reason"]

# Loading a model may take longer than a request may, where an operator has set a short deadline for these.
_MIN_START_SECONDS = 60.0
_EXIT_SECONDS = 5.0  # between the end of a process's output and its own; a core of some gigabytes takes a while to free
_NICE = 15  # a thirtieth of the share of the service, whose short requests come first; all of what these leave
_CODE = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from ctxprune.serve.worker import main; main()"


class WorkerProcess:
    """One process, started when first needed and again after it ended; used by one thread at a time, but for `kill`
    and `close`.

    Whoever uses it calls `settle` before the next user may have it. A process that was killed may seem to live for a
    moment; one whose answer was not read would give that answer to the next request.

    Args:
        settings: First frame of each process, see `ctxprune.serve.worker`; `seconds` is the deadline of a request, and
            of the start where that is longer than 60 seconds.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._in_step = True  # every frame that was sent has been answered, and the answer read
        self._killed = self._closed = False

    def get_ready(self) -> None:
        """Start the process if there is none.

        Raises:
            RequestError: 503, it cannot be started, or does not get ready in time; the log says why.
            ClientGoneError: It was killed meanwhile, or the service has ended.
        """
        if self._is_unwanted():
            raise ClientGoneError
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            log("worker process ended", level=logging.WARNING, returncode=code)
        self.end()
        self._start()

    def _start(self) -> None:
        seconds = max(_MIN_START_SECONDS, self._settings["seconds"])
        with _time_limit(self._launch(), seconds) as late:
            head, _ = self._exchange(self._settings, b"")
        if not head and not late.is_set():
            return
        self.end()  # it may have answered with an error and live on
        if late.is_set():
            raise _start_failure(cause=f"not ready after {seconds:g} seconds")
        known = f"{head['error']}: {head['what']}" if "error" in head else head.get("failed")
        raise _start_failure(cause=known, where=head.get("where"), returncode=head.get("ended"))

    def _launch(self) -> subprocess.Popen[bytes]:
        self._in_step = False  # until it has answered the settings
        try:
            process = self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-c", _CODE, json.dumps(sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # a traceback may quote a request, which must not get into logs
            )
        except (OSError, ValueError) as error:
            raise _start_failure(cause=f"{type(error).__name__}: {error}") from error
        _lower_priority(process.pid)
        # `kill` and `close` set their mark before they look for a process, so that one of the two sides sees the other.
        if self._is_unwanted():
            process.kill()
        return process

    def _is_unwanted(self) -> bool:
        """Whether nobody waits for the process any longer, which may change at any time."""
        return self._killed or self._closed

    def ask(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """What the process answers; where it ended of itself the head is `{"ended": exit code}`, -N for signal N.

        Raises:
            ClientGoneError: It was killed meanwhile, or the service has ended.
        """
        answer = self._exchange(head, body)
        if "memory" in answer[0] or "failed" in answer[0]:  # who knows what that left behind
            self.end()
        return answer

    def _exchange(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ClientGoneError
        self._in_step = False
        with suppress(OSError):  # it has ended, which shows at the next line
            write_frame(process.stdin, head, body)
        answer = read_frame(process.stdout)
        if answer is not None:
            self._in_step = True
            return answer
        code = _exit_code(process)
        self.end()
        if self._is_unwanted():
            raise ClientGoneError
        return {"ended": code}, b""

    def kill(self) -> None:
        """Kill the process; the thread that waits for its answer sees that."""
        self._killed = True
        process = self._process
        if process is not None:
            process.kill()

    def close(self) -> None:
        """Kill the process, and start none again."""
        self._closed = True
        self.kill()

    def settle(self) -> None:
        """End the process unless it waits for the next request. From now on nobody calls `kill` for an earlier use."""
        if self._killed or not self._in_step:
            self.end()
        self._killed = False

    def end(self) -> None:
        """End the process and free what belongs to it."""
        process, self._process = self._process, None
        self._in_step = True
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _lower_priority(pid: int) -> None:
    """Let a process come after the service for processor time, and leave one core to it.

    Priority alone does not free a core at once: whoever runs keeps it for some milliseconds, and a short request is
    handed from thread to thread several times. So work on long requests takes all cores but one at most. This is done
    from outside since importing and loading the model, at each start, is a second of work as well.
    """
    with suppress(OSError):  # it has ended, or a sandbox forbids it: then it runs like any other process
        if sys.platform != "win32":
            os.setpriority(os.PRIO_PROCESS, pid, os.getpriority(os.PRIO_PROCESS, 0) + _NICE)
        if sys.platform == "linux":
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(pid, cores[1:] or cores)


@contextmanager
def _time_limit(process: subprocess.Popen[bytes], seconds: float) -> Iterator[threading.Event]:
    """Kill the process unless the block ends in time; the event says whether it was killed."""
    late = threading.Event()

    def expire() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        timer.join()  # it may have begun to kill; what follows must see that


def _exit_code(process: subprocess.Popen[bytes]) -> int:
    """The code with which the process ended; one that closed its output but lives on is killed."""
    try:
        return process.wait(_EXIT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def exit_reason(code: int) -> str:
    """The exit code of a process in words: "signal 11", "exit code 1"."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _start_failure(**fields: object) -> RequestError:
    """Always 503 whatever the cause: a model that cannot be loaded is no fault of the request."""
    log("worker process cannot start", level=logging.ERROR, **fields)
    return RequestError("no process can be started", status=503, hint="try again later")
