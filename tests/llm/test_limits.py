"""Limits, retries and prices of paid endpoints, in virtual time where threads do not matter."""

from __future__ import annotations

import asyncio
import email.message
import runpy
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.utils import formatdate
from http.client import IncompleteRead, RemoteDisconnected
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import InputError, ModelError, UsageError
from ctxprune.llm.base import ChatAnswer, Message, Prices, Sampling
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.calls import ask_model, record_calls
from ctxprune.llm.deadline import Deadline
from ctxprune.llm.limited import LimitedModel
from ctxprune.llm.rate_limit import CallLimits, Timer
from ctxprune.llm.retries import backoff_seconds, find_transient_fault
from ctxprune.utils.cancellation import cancellation

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "sql" / "generate" / "chat_fakes.py")))
TURN = [Message("user", "how many?")]


@dataclass
class Virtual(Timer):
    """Time that only passes while somebody waits."""

    at: float = 1000.0

    def now(self) -> float:
        return self.at

    def wait(self, turn: threading.Condition, seconds: float) -> None:
        self.at += seconds

    def jitter(self) -> float:
        return 1.0


@dataclass
class Scripted:
    """Raises or answers as its script says, and keeps when it was asked."""

    timer: Virtual
    script: list[Any]
    took: float = 0.0
    asked: list[float] = field(default_factory=list)
    fingerprint: str = "scripted"

    def complete(self, messages: Any, sampling: Sampling) -> list[ChatAnswer]:
        self.asked.append(self.timer.at)
        self.timer.at += min(self.took, sampling.seconds)
        step = self.script.pop(0) if self.script else "fine"
        if isinstance(step, Exception):
            raise step
        return [ChatAnswer(step, 10, 5)]


def status(code: int, **headers: str) -> ModelError:
    """What OpenAIModel raises for an HTTP status."""
    found = email.message.Message()
    for name, value in headers.items():
        found[name.replace("_", "-")] = value
    error = ModelError(f"HTTP {code}: busy")
    error.__cause__ = HTTPError("http://x", code, "busy", found, None)
    return error


def limited(script: list[Any], took: float = 0.0, **limits: Any) -> tuple[LimitedModel, Scripted]:
    timer = Virtual()
    inner = Scripted(timer, script, took)
    return LimitedModel(inner, CallLimits(**limits), timer=timer), inner


def test_failures_that_pass_are_tried_again_after_growing_pauses() -> None:
    model, inner = limited([status(500), status(503), status(429)])
    assert model.complete(TURN, Sampling())[0].text == "fine"
    assert [round(b - a, 6) for a, b in zip(inner.asked, inner.asked[1:], strict=False)] == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("code", [400, 401, 403, 404, 422])
def test_other_statuses_are_asked_once(code: int) -> None:
    model, inner = limited([status(code)])
    with pytest.raises(ModelError, match=rf"^HTTP {code}"):
        model.complete(TURN, Sampling())
    assert len(inner.asked) == 1


def test_the_last_error_says_how_many_tries_there_were() -> None:
    model, inner = limited([status(502)] * 9, tries=3)
    with pytest.raises(ModelError, match="gave up after 3 tries: HTTP 502: busy"):
        model.complete(TURN, Sampling())
    assert len(inner.asked) == 3


def test_the_pause_that_the_server_asks_for_is_kept_by_all() -> None:
    model, inner = limited([status(429, Retry_After="7")])
    model.complete(TURN, Sampling())
    assert inner.asked[1] - inner.asked[0] >= 7
    late = formatdate(time.time() + 40, usegmt=True)
    model, inner = limited([status(503, Retry_After=late)])
    model.complete(TURN, Sampling())
    assert 35 < inner.asked[1] - inner.asked[0] < 41
    model, inner = limited([status(429, Retry_After="60")], tries=1)
    with pytest.raises(ModelError, match="1 try"):
        model.complete(TURN, Sampling())
    with pytest.raises(ModelError, match="asks to wait 60 s"):
        model.complete(TURN, Sampling(seconds=10))
    model.complete(TURN, Sampling(seconds=100))
    assert len(inner.asked) == 2
    assert inner.asked[1] - inner.asked[0] >= 60


def test_a_pause_past_the_deadline_ends_the_request_at_once() -> None:
    model, inner = limited([status(429, Retry_After="3600")])
    start = inner.timer.at
    with pytest.raises(ModelError, match=r"1 try: HTTP 429: busy; no answer within 30 s, since .* 3600.0 s away"):
        model.complete(TURN, Sampling(seconds=30))
    assert inner.timer.at == start


def test_tries_stop_at_the_deadline() -> None:
    model, inner = limited([status(500)] * 50, took=9.0, tries=50)
    with pytest.raises(ModelError, match="gave up after 4 tries"):
        model.complete(TURN, Sampling(seconds=38))
    assert inner.timer.at - inner.asked[0] <= 38


def test_one_try_may_take_only_its_part_of_the_deadline() -> None:
    seen: list[float] = []

    class Slow:
        fingerprint = "slow"

        def complete(self, messages: Any, sampling: Sampling) -> list[ChatAnswer]:
            seen.append(sampling.seconds)
            if len(seen) == 1:
                raise TimeoutError("timed out")
            return [ChatAnswer("fine")]

    LimitedModel(Slow(), CallLimits(try_seconds=5), timer=Virtual()).complete(TURN, Sampling(seconds=30))
    assert seen == [5, 5]


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ConnectionResetError(104, "reset"), True),
        (URLError(TimeoutError("timed out")), False),  # an URLError without its cause says nothing certain
        (TimeoutError("timed out"), True),
        (IncompleteRead(b"x", 9), True),
        (RemoteDisconnected("closed"), True),
        (ConnectionRefusedError(111, "refused"), False),
        (ValueError("bad prompt"), False),
        (type("APITimeoutError", (Exception,), {})("slow"), True),
        (type("APIStatusError", (Exception,), {"status_code": 529})("overloaded"), True),
        (type("BadRequest", (Exception,), {"status_code": 400})("no"), False),
        (type("HTTPStatusError", (Exception,), {"response": SimpleNamespace(status_code=429, headers={})})("x"), True),
        (InputError("code is a text here"), False),
    ],
)
def test_what_passes_by_itself(error: Exception, passes: bool) -> None:
    assert (find_transient_fault(error) is not None) == passes
    wrapped = ModelError("the server cannot be reached")
    wrapped.__cause__ = error
    assert (find_transient_fault(wrapped) is not None) == passes


def test_causes_are_followed_but_not_for_ever() -> None:
    one, other = ValueError("a"), ValueError("b")
    one.__cause__, other.__cause__ = other, one
    assert find_transient_fault(one) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after_ms": "1500"}, 1.5),
        ({"Retry_After": "2"}, 2.0),
        ({"Retry_After": "-5"}, 0.0),
        ({"Retry_After": "nan"}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    fault = find_transient_fault(status(429, **headers))
    assert fault is not None
    assert fault.retry_after == seconds


def test_pauses_grow_and_are_spread() -> None:
    assert [backoff_seconds(n, 1.0) for n in (1, 2, 3, 20)] == [0.5, 1.0, 2.0, 30.0]
    assert backoff_seconds(3, 0.0) == 1.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=12), st.integers(1, 4), st.integers(60, 200))
def test_no_window_of_a_minute_holds_more_than_is_allowed(sizes: list[int], rpm: int, tpm: int) -> None:
    timer = Virtual()
    sent: list[tuple[float, int]] = []

    class Counting:
        fingerprint = "counting"

        def complete(self, messages: Any, sampling: Sampling) -> list[ChatAnswer]:
            sent.append((timer.at, sampling.max_tokens))
            return [ChatAnswer("x", sampling.max_tokens, 0)]

    model = LimitedModel(Counting(), CallLimits(requests_per_minute=rpm, tokens_per_minute=tpm), timer=timer)
    for size in sizes:
        model.complete([Message("user", "")], Sampling(max_tokens=size, seconds=5))
    for start, _ in sent:
        window = [tokens for at, tokens in sent if start <= at < start + 60]
        assert len(window) <= rpm
        assert sum(window) <= tpm


def test_the_real_count_replaces_the_expected_one() -> None:
    model, inner = limited([], tokens_per_minute=400)
    for _ in range(3):
        model.complete(TURN, Sampling(max_tokens=256))
    assert inner.asked[0] == inner.asked[2]  # 15 tokens each, and not 256 and more


def test_a_request_over_the_limit_of_tokens_fails_at_once() -> None:
    model, inner = limited([], tokens_per_minute=100)
    with pytest.raises(ModelError, match="over the limit of 100 a minute"):
        model.complete(TURN, Sampling(max_tokens=256))
    assert inner.asked == []


def test_waiting_for_the_limits_does_not_count_against_the_deadline() -> None:
    model, inner = limited([], requests_per_minute=1)
    model.complete(TURN, Sampling(seconds=1))
    model.complete(TURN, Sampling(seconds=1))
    assert inner.asked[1] - inner.asked[0] == pytest.approx(60, abs=0.1)
    clock = Virtual()
    deadline = Deadline(10, clock.now)
    with deadline.stopped(), deadline.stopped():
        clock.at += 100
        assert deadline.left() == 10
    clock.at += 4
    assert deadline.left() == pytest.approx(6)


def test_ask_model_waits_for_the_limits_and_not_for_the_model() -> None:
    class Busy:
        fingerprint = "busy"

        def complete(self, messages: Any, sampling: Sampling) -> list[ChatAnswer]:
            time.sleep(0.4)
            return [ChatAnswer("x", 1, 1)]

    model = LimitedModel(Busy(), CallLimits(concurrency=1))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: ask_model(model, TURN, Sampling(seconds=1.5)), range(4)))
    assert len(done) == 4  # together they take longer than the deadline of each
    with pytest.raises(ModelError, match=r"no answer within 0\.1 s"):
        ask_model(model, TURN, Sampling(seconds=0.1))


def test_no_more_requests_at_once_than_allowed() -> None:
    lock = threading.Lock()
    now, most = 0, 0

    class Counting:
        fingerprint = "counting"

        def complete(self, messages: Any, sampling: Sampling) -> list[ChatAnswer]:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.01)
            with lock:
                now -= 1
            return [ChatAnswer("x", 1, 1)]

    model = LimitedModel(Counting(), CallLimits(concurrency=3))
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: model.complete(TURN, Sampling()), range(30)))
    assert most == 3


def test_a_request_that_hangs_past_its_deadline_frees_its_place() -> None:
    free = threading.Event()

    class Hanging:
        fingerprint = "hanging"

        def complete(self, messages: Any, sampling: Sampling) -> list[ChatAnswer]:
            if messages[0].content == "hang":
                free.wait(20)
            return [ChatAnswer("x", 1, 1)]

    model = LimitedModel(Hanging(), CallLimits(concurrency=1))
    with pytest.raises(ModelError, match="no answer within"):
        ask_model(model, [Message("user", "hang")], Sampling(seconds=0.05))
    assert ask_model(model, TURN, Sampling(seconds=5))[0].text == "x"
    free.set()


def test_a_cancelled_question_leaves_the_queue() -> None:
    cancelled = threading.Event()
    model, inner = limited([], requests_per_minute=1)
    model.complete(TURN, Sampling())
    cancelled.set()
    with cancellation(cancelled), pytest.raises(ModelError, match="cancelled"):
        model.complete(TURN, Sampling())
    model.complete(TURN, Sampling())
    assert len(inner.asked) == 2


def test_a_model_that_answers_one_by_one_is_counted_one_by_one() -> None:
    class Runnable:
        def __init__(self) -> None:
            self.calls = 0

        def invoke(self, turns: Any, **options: Any) -> str:
            self.calls += 1
            if self.calls == 2:
                raise ConnectionResetError(104, "reset")
            return str(self.calls)

    inner, timer = Runnable(), Virtual()
    model = LimitedModel(inner, CallLimits(requests_per_minute=2), timer=timer)
    assert [answer.text for answer in model.complete(TURN, Sampling(n=3, temperature=1.0))] == ["1", "3", "4"]
    assert timer.at >= 1060  # four requests, two a minute


def test_prices_give_costs_and_cached_answers_are_free(tmp_path: Path) -> None:
    inner = fakes.saying("SELECT 1")  # 10 tokens in, 5 out
    model = CachedModel(LimitedModel(inner, prices=Prices(2.0, 8.0)), GenerationCache(tmp_path / "c.sqlite"))
    with record_calls() as calls:
        ask_model(model, TURN, Sampling())
        ask_model(model, TURN, Sampling())
        ask_model(inner, TURN, Sampling())
    assert [call.cost for call in calls] == [pytest.approx((10 * 2 + 5 * 8) / 1e6), 0.0, None]
    with pytest.raises(UsageError, match="per_million_out"):
        Prices(1.0, -1.0)


@pytest.mark.parametrize("name", ["concurrency", "requests_per_minute", "tokens_per_minute", "tries"])
def test_limits_are_checked(name: str) -> None:
    for value in (0, -1, 1.5, True):
        with pytest.raises(UsageError, match=name):
            CallLimits(**{name: value})
    with pytest.raises(UsageError, match="try_seconds"):
        CallLimits(try_seconds=0)
    with pytest.raises(UsageError, match="not a chat model"):
        LimitedModel(3)


def test_keys_are_struck_out_of_errors() -> None:
    text = "401: Incorrect API key provided: sk-proj-abcdef123456. Authorization: Bearer abc.def"
    for error in (ModelError(text), RuntimeError(text)):
        with record_calls() as calls, pytest.raises(ModelError) as caught:
            ask_model(fakes.raising(error), TURN, Sampling())
        for said in (str(caught.value), calls[0].error):
            assert "abcdef" not in said
            assert "abc.def" not in said
            assert "sk-***" in said


def test_threads_that_want_the_same_make_one_call(tmp_path: Path) -> None:
    slow = fakes.FakeModel(lambda *_: time.sleep(0.1) or "SELECT 1")
    model = CachedModel(slow, GenerationCache(tmp_path / "c.sqlite"))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ask_model(model, TURN, Sampling()), range(6)))
    assert len(slow.prompts) == 1
    assert sorted(answer[0].cached for answer in answers) == [False] + [True] * 5


def test_threads_that_want_the_same_share_a_failure(tmp_path: Path) -> None:
    def fail(*_: object) -> str:
        time.sleep(0.1)
        raise ModelError("down")

    broken = fakes.FakeModel(fail)
    model = CachedModel(broken, GenerationCache(tmp_path / "c.sqlite"))

    def ask(_: int) -> str:
        with pytest.raises(ModelError, match="down"):
            ask_model(model, TURN, Sampling())
        return "failed"

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == ["failed"] * 4
    assert len(broken.prompts) == 1


def test_a_leader_that_hangs_or_is_cancelled_does_not_take_others_along(tmp_path: Path) -> None:
    free, started = threading.Event(), threading.Event()

    def reply(prompt: str, _sampling: Sampling, _turn: int) -> str:
        first = not started.is_set()
        started.set()
        if first:
            free.wait(20)
            raise ModelError("stopped")
        return "SELECT 1"

    model = CachedModel(fakes.FakeModel(reply), GenerationCache(tmp_path / "c.sqlite"))
    cancelled = threading.Event()

    def lead() -> None:
        with cancellation(cancelled), pytest.raises(asyncio.CancelledError):
            ask_model(model, TURN, Sampling(seconds=30))

    with ThreadPoolExecutor(2) as pool:
        leader = pool.submit(lead)
        started.wait(5)
        follower = pool.submit(ask_model, model, TURN, Sampling(seconds=30))
        time.sleep(0.05)
        cancelled.set()
        free.set()
        leader.result(10)
        assert follower.result(10)[0].text == "SELECT 1"

    free.clear()
    started.clear()
    other = [Message("user", "another")]
    with pytest.raises(ModelError, match="no answer within"):
        ask_model(model, other, Sampling(seconds=0.05))
    assert ask_model(model, other, Sampling(seconds=5))[0].text == "SELECT 1"
    free.set()
