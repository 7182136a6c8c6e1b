"""A worker process that ends, hangs or is killed is the trouble of one request: the next one has a sound process."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ctxprune.errors import CtxpruneError, RequestError
from ctxprune.serve import ServiceConfig, long, worker, worker_process
from ctxprune.serve.call import Call
from ctxprune.serve.config import LimitsConfig, ModelConfig
from ctxprune.serve.errors import status_of
from ctxprune.serve.frames import read_frame
from ctxprune.serve.limits import ClientGoneError
from ctxprune.serve.long import LongRequests
from ctxprune.serve.worker_process import WorkerProcess

# Stands for `ctxprune.serve.worker`: the body of a request says what becomes of the process. STARTS names a file with
# a line for each start; FIRST is run at the first of them, before the settings are answered.
SCRIPT = """
import json, os, signal, struct, sys, time

def send(head, body=b""):
    data = json.dumps(head).encode()
    sys.stdout.buffer.write(struct.pack(">II", len(data), len(body)) + data + body)
    sys.stdout.buffer.flush()

def receive():
    sizes = sys.stdin.buffer.read(8)
    if len(sizes) < 8:
        sys.exit()
    head, body = map(sys.stdin.buffer.read, struct.unpack(">II", sizes))
    return body.decode()

def error(kind, what):
    return dict(error=kind, what=what, where="", hint="", status=0)

receive()
with open({starts!r}, "a+") as file:
    file.write("started\\n")
    file.seek(0)
    first = len(file.readlines()) == 1
if first:
    {first}
send({{}})
while True:
    word = receive()
    if word == "segfault":
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGSEGV)
    elif word == "exit":
        sys.exit(3)
    elif word == "close":
        os.close(1)
        time.sleep(60)
    elif word == "memory":
        send(dict(memory=True))
    elif word == "hang":
        time.sleep(60)
    else:
        send(dict(outcome=dict(stage="s", tokens=[0, 0], seconds={{}}, log_fields={{}})), word.encode())
"""


class Unburied(subprocess.Popen[bytes]):
    """A process of which the system is slow to tell that it ended."""

    def poll(self) -> int | None:
        return None


class Metrics:
    def batch(self, size: int) -> None:
        """Counts nothing."""


class Bench:
    """Long requests with one worker, which is the script."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._starts, self._patch = folder / "starts", monkeypatch
        self.use("pass")
        config = ServiceConfig(limits=LimitsConfig(workers=1, seconds=0.1), model=ModelConfig("lexical"))
        self.long = LongRequests(config, 1, Metrics())  # type: ignore[arg-type]

    def use(self, first: str) -> None:
        code = SCRIPT.format(starts=str(self._starts), first=first)
        self._patch.setattr(worker_process, "_CODE", code)

    @property
    def starts(self) -> int:
        return len(self._starts.read_text().splitlines())

    def answer(self, job: long._Job) -> Any:
        (answer,) = self.long._run([job])
        return answer

    def ask(self, word: str) -> bytes:
        """What a request is answered, or its error raised."""
        answer = self.answer(job_of(word))
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, long.Outcome)
        return answer.body


def job_of(word: str) -> long._Job:
    return long._Job({"path": "/v1/prune", "id": word}, word.encode())


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, "ctxprune.serve")
    bench = Bench(tmp_path, monkeypatch)
    yield bench
    bench.long.close()


def logged(caplog: pytest.LogCaptureFixture, event: str) -> dict[str, Any]:
    (record,) = (record for record in caplog.records if record.getMessage() == event)
    return record.fields  # type: ignore[attr-defined, no-any-return]


def stop_after(method: str, job: long._Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is stopped when that method of its worker has returned for the first time."""
    original: Callable[..., Any] = getattr(WorkerProcess, method)

    def call(self: WorkerProcess, *args: Any) -> Any:
        result = original(self, *args)
        monkeypatch.setattr(WorkerProcess, method, original)
        job.stop()
        return result

    monkeypatch.setattr(WorkerProcess, method, call)


@pytest.mark.parametrize("method", ["get_ready", "ask"])
def test_a_worker_killed_for_one_request_is_not_handed_to_the_next(
    bench: Bench, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", Unburied)
    assert bench.ask("one") == b"one"
    job = job_of("two")
    stop_after(method, job, monkeypatch)
    assert isinstance(bench.answer(job), ClientGoneError)
    assert bench.ask("three") == b"three"
    assert bench.starts == 2


def test_a_request_stopped_before_it_begins_costs_no_process(bench: Bench) -> None:
    assert bench.ask("one") == b"one"
    job = job_of("two")
    job.stop()
    assert isinstance(bench.answer(job), ClientGoneError)
    assert bench.ask("three") == b"three"
    assert bench.starts == 1


def test_a_request_stopped_while_its_process_starts_ends_that(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    job, popen = job_of("one"), subprocess.Popen

    def start(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        process = popen(*args, **options)
        job.stop()  # which does not see the process yet
        return process

    bench.use("time.sleep(60)")
    monkeypatch.setattr(subprocess, "Popen", start)
    assert isinstance(bench.answer(job), ClientGoneError)
    monkeypatch.setattr(subprocess, "Popen", popen)
    bench.use("pass")
    assert bench.ask("two") == b"two"


@pytest.mark.parametrize(
    ("word", "code", "reason"),
    [("segfault", -11, "signal 11"), ("exit", 3, "exit code 3"), ("close", -9, "signal 9")],
)
def test_a_process_that_ends_of_itself_is_no_fault_of_the_client(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, word: str, code: int, reason: str
) -> None:
    monkeypatch.setattr(worker_process, "_EXIT_SECONDS", 0.1 if word == "close" else 30)
    with pytest.raises(RequestError) as raised:
        bench.ask(word)
    assert (raised.value.status, raised.value.what) == (503, f"the worker process ended ({reason})")
    told = logged(caplog, "long request failed")
    assert (told["request_id"], told["returncode"]) == (word, code)
    assert bench.ask("next") == b"next"


def test_memory_is_the_clients_fault_only_where_the_process_says_so(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(RequestError, match="takes too much memory") as raised:
        bench.ask("memory")
    assert raised.value.status == 422
    assert logged(caplog, "long request failed")["cause"] == "memory"
    assert bench.ask("next") == b"next"
    assert bench.starts == 2


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("send(error('InputError', 'the model is gone'))", {"cause": "InputError: the model is gone"}),
        ("send(dict(failed='ImportError (a.py:1 f)'))", {"cause": "ImportError (a.py:1 f)"}),
        ("sys.exit(7)", {"returncode": 7}),
        ("os.kill(os.getpid(), signal.SIGKILL)", {"returncode": -9}),
    ],
)
def test_a_process_that_cannot_start_is_not_handed_to_the_next_request(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, first: str, told: dict[str, Any]
) -> None:
    monkeypatch.setattr(subprocess, "Popen", Unburied)
    bench.use(first)
    with pytest.raises(CtxpruneError, match="no process can be started") as raised:
        bench.ask("one")
    assert status_of(raised.value) == 503
    assert logged(caplog, "worker process cannot start").items() >= told.items()
    assert bench.ask("two") == b"two"


def test_a_system_that_starts_no_process_is_told_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/no/python")
    with pytest.raises(RequestError, match="no process can be started") as raised:
        bench.ask("one")
    assert raised.value.status == 503
    assert "FileNotFoundError" in logged(caplog, "worker process cannot start")["cause"]


def test_a_model_that_hangs_while_it_is_loaded_holds_no_worker(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.use("time.sleep(60)")
    with monkeypatch.context() as patch:
        patch.setattr(worker_process, "_MIN_START_SECONDS", 0.1)
        with pytest.raises(RequestError, match="no process can be started") as raised:
            bench.long.warm()
    assert raised.value.status == 503
    assert logged(caplog, "worker process cannot start")["cause"] == "not ready after 0.1 seconds"
    bench.use("pass")
    assert bench.ask("one") == b"one"


def test_an_answer_that_was_not_read_is_not_given_to_the_next_request(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench.ask("one") == b"one"

    def fail(_file: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(worker_process, "read_frame", fail)
        with pytest.raises(MemoryError):
            bench.ask("two")
    assert bench.ask("three") == b"three"


def test_a_process_that_ended_while_it_waited_is_started_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    assert bench.ask("one") == b"one"
    process = bench.long._workers[0]._process
    assert process is not None
    process.kill()
    process.wait()
    assert bench.ask("two") == b"two"
    assert logged(caplog, "worker process ended")["returncode"] == -9


def test_closing_while_a_request_is_worked_on_blames_nobody(bench: Bench) -> None:
    job = job_of("hang")
    answer = bench.long._pool.submit(bench.answer, job)
    while job._worker is None and not answer.done():
        time.sleep(0.01)
    bench.long.close()
    assert isinstance(answer.result(30), ClientGoneError)


def test_closing_waits_for_a_process_that_is_being_started(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    started, popen = threading.Event(), subprocess.Popen

    def start(*args: Any, **options: Any) -> subprocess.Popen[bytes]:
        process = popen(*args, **options)
        started.set()
        return process

    bench.use("time.sleep(60)")
    monkeypatch.setattr(subprocess, "Popen", start)
    with ThreadPoolExecutor(1) as pool:
        warm = pool.submit(bench.long.warm)
        assert started.wait(30)
        bench.long.close()
        assert bench.long._workers[0]._process is None
        with pytest.raises(ClientGoneError):
            warm.result(30)


def test_a_scorer_that_cannot_be_made_in_the_process_is_no_fault_of_the_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ctxprune.serve")
    config = ServiceConfig(limits=LimitsConfig(workers=1), model=ModelConfig("nowhere"))
    long_requests = LongRequests(config, 1, Metrics())  # type: ignore[arg-type]
    try:
        (answer,) = long_requests._run([job_of("{}")])
    finally:
        long_requests.close()
    assert isinstance(answer, RequestError)
    assert answer.status == 503
    assert logged(caplog, "worker process cannot start")["cause"].startswith("UnknownNameError: ")


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system has no affinity of processes")
def test_the_process_comes_after_the_service_and_leaves_it_a_core() -> None:
    config = ServiceConfig(limits=LimitsConfig(workers=1), model=ModelConfig("lexical"))
    long_requests = LongRequests(config, 1, Metrics())  # type: ignore[arg-type]
    try:
        long_requests.warm()
        process = long_requests._workers[0]._process
        assert process is not None
        own, allowed = os.getpriority(os.PRIO_PROCESS, 0), os.sched_getaffinity(0)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == min(19, own + 15)
        cores = os.sched_getaffinity(process.pid)
    finally:
        long_requests.close()
    assert cores <= allowed
    assert len(cores) == max(1, len(allowed) - 1)


@pytest.mark.parametrize(("threads", "given", "workers"), [(1, 0, 2), (2, 0, 2), (8, 0, 7), (8, 1, 1), (1, 3, 3)])
def test_one_process_is_left_for_moderate_requests_unless_the_operator_says_otherwise(
    threads: int, given: int, workers: int
) -> None:
    config = ServiceConfig(limits=LimitsConfig(workers=given), model=ModelConfig("lexical"))
    long_requests = LongRequests(config, threads, Metrics())  # type: ignore[arg-type]
    assert len(long_requests._workers) == workers
    long_requests.close()


def test_a_moderate_request_does_not_wait_for_long_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "_CODE", SCRIPT.format(starts=str(tmp_path / "starts"), first="pass"))
    config = ServiceConfig(limits=LimitsConfig(workers=2, seconds=30), model=ModelConfig("lexical"))
    long_requests = LongRequests(config, 2, Metrics())  # type: ignore[arg-type]

    def call(word: str, cost: float) -> Call:
        return Call(word, {}, body=word.encode(), cost=cost)

    async def main() -> bytes:
        endless = [asyncio.ensure_future(long_requests.do("/v1/prune", call("hang", 20.0))) for _ in range(3)]
        await asyncio.sleep(0)
        try:
            return (await long_requests.do("/v1/prune", call("moderate", 0.2))).body
        finally:
            for one in endless:
                one.cancel()
            await asyncio.gather(*endless, return_exceptions=True)

    try:
        assert asyncio.run(main()) == b"moderate"
    finally:
        long_requests.close()


def test_a_body_for_which_the_process_has_no_memory_is_told() -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise MemoryError

    target = io.BytesIO()
    assert worker._next_frame(Full(), target) is None
    target.seek(0)
    assert read_frame(target) == ({"memory": True}, b"")
