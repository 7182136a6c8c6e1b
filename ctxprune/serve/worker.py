"""The process that works on long requests, one at a time; `ctxprune.serve.long` starts it and may end it at any time.

A request of a few megabytes takes seconds of processor time and hundreds of megabytes. In threads of the service it
would keep the interpreter from all others, could not be stopped at its deadline, and would share their memory.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import IO, TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError, RequestError
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag import Passage
from ctxprune.serve.frames import encode_error, read_frame, write_frame
from ctxprune.serve.guardrail import GuardrailRequest, TrafficPruner
from ctxprune.serve.logs import cause
from ctxprune.serve.long import GUARDRAIL_PATH
from ctxprune.serve.parsing import parse
from ctxprune.serve.routes import prune, rerank
from ctxprune.serve.rows import ROWS_PATH, RowsRequest
from ctxprune.serve.rows import plan as plan_rows
from ctxprune.serve.scoring import Outcome, make_scorer, run_tasks
from ctxprune.serve.settings import ModelConfig

if TYPE_CHECKING:
    from ctxprune.scorers.base import Scorer
    from ctxprune.serve.scoring import Task

__all__ = ["main"]

_GRACE_SECONDS = 2.0  # the service ends it earlier; this is for a service that died


_Work = Mapping[str, tuple[Any, Callable[[Any, Mapping[str, str]], Outcome]]]


def _make_work(scorer: Scorer, config: ModelConfig) -> _Work:
    """By path, the kind of request and what is done for one with the head of its frame."""

    def make_work(plan: Callable[[Any, Scorer, str], Task[Outcome]]) -> Callable[[Any, Mapping[str, str]], Outcome]:
        return lambda request, head: _run_task(plan(request, scorer, head["id"]), scorer)

    traffic = TrafficPruner(scorer, config.gateway_characters)
    return {
        "/v1/prune": (prune.PruneRequest, make_work(prune.plan)),
        "/v1/rerank": (rerank.RerankRequest, make_work(rerank.plan)),
        GUARDRAIL_PATH: (GuardrailRequest, lambda request, head: traffic.prune(request, head["mark"])),
        ROWS_PATH: (RowsRequest, make_work(plan_rows)),
    }


def _run_task(task: Task[Outcome], scorer: Scorer) -> Outcome:
    (result,) = run_tasks([task], scorer)
    if isinstance(result, Outcome):
        return result
    raise result


def main() -> None:
    """Work on requests from stdin until it ends; the first frame is the configuration."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the service's to handle
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # redirect stdout to stderr, so that prints cannot corrupt the frames
    first = read_frame(source)
    if first is None:
        return
    settings = first[0]
    try:
        config = ModelConfig(**settings["model"])
        scorer = make_scorer(config)
        Pruner(scorer).prune("ready?", Passage("Ready."))  # loads what it needs
    except CtxpruneError as error:
        write_frame(target, encode_error(error))
        return
    except Exception as error:  # noqa: BLE001 - the service logs it; nobody reads this process's stderr
        write_frame(target, {"failed": cause(error)})
        return
    # After the model is loaded, so that the limit is on what a request adds.
    _limit_memory(settings["worker_bytes"])
    write_frame(target, {})
    work = _make_work(scorer, config)
    while (frame := _next_frame(source, target)) is not None:
        # The service kills this process at the deadline; the alarm is for a service that died first.
        _alarm(settings["seconds"] + _GRACE_SECONDS)
        _answer(target, frame, work, settings)
        _alarm(0)
        del frame  # before the next one is read


def _next_frame(source: IO[bytes], target: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next request; None at the end, and where there is no memory for it, after which nothing can be read."""
    try:
        return read_frame(source)
    except MemoryError:
        write_frame(target, {"memory": True})
        return None


def _answer(target: IO[bytes], frame: tuple[dict[str, Any], bytes], work: _Work, settings: dict[str, Any]) -> None:
    head: dict[str, Any]
    body = b""
    try:
        head, data = frame
        model, do = work[head["path"]]
        outcome = do(parse(model, data, head["content_type"], settings["documents"]), head)
        if len(outcome.body) > settings["reply_bytes"]:
            raise RequestError("the answer would be too large", status=422, hint="send it in parts")
        fields = asdict(outcome)
        body = fields.pop("body")
        head = {"outcome": fields}
    except MemoryError:
        head = {"memory": True}
    except CtxpruneError as error:
        head = encode_error(error)
    except Exception as error:  # noqa: BLE001 - the service logs it and answers without particulars
        head = {"failed": cause(error)}
    write_frame(target, head, body)


def _limit_memory(more: int) -> None:
    """From now on the process may have so many bytes more than it has."""
    try:
        import resource

        with open("/proc/self/statm", "rb") as file:
            in_use = int(file.read().split()[5]) * resource.getpagesize()
    except (ImportError, OSError):  # Windows or macOS, where the system enforces no such limit
        return
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (in_use + more, in_use + more))


def _alarm(seconds: float) -> None:
    """End the process after so many seconds, even inside one function; 0 calls it off."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, seconds)
