"""Spans in general and of one prune: parents, contents, and that they cost nothing where nobody asks."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from contextvars import copy_context
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from recorded_spans import Spans

from ctxprune import Pruner, TokenBudget, aprune, prune
from ctxprune.errors import BudgetError
from ctxprune.pruning.context_budget import ContextBudget
from ctxprune.rag import Passage, PassagePruner
from ctxprune.utils.tracing import NO_SPAN, observe_spans, start_span

QUERY = "When did the bridge open?"
TEXTS = ["The bridge is long. It opened in 1933, the bridge. Paint is red.", "Cats sleep all day."]
CHOOSE = ["..ctxprune.prune.count", "..ctxprune.prune.select", "..ctxprune.prune.render"]
PRUNE = ["ctxprune.prune", ".ctxprune.prune.segment", ".ctxprune.prune.score", ".ctxprune.prune.choose", *CHOOSE]


def test_a_prune_is_a_tree_of_its_steps(spans: Spans) -> None:
    pruned = prune(QUERY, TEXTS, scorer="lexical.v1", budget=14)
    assert spans.tree() == [*PRUNE[:-2], "..ctxprune.prune.split", *PRUNE[-2:]]
    account = {
        "ctxprune.units": 4,
        "ctxprune.units.kept": len(pruned.kept),
        "ctxprune.tokens.before": pruned.tokens_before,
        "ctxprune.tokens.after": pruned.tokens_after,
    }
    assert spans.one("ctxprune.prune") == {"ctxprune.contexts": 1, **account}
    chosen = spans.one("ctxprune.prune.choose")
    assert chosen.pop("ctxprune.seconds.score") > 0
    names = {"ctxprune.scorer": "lexical.v1", "ctxprune.policy": "token_budget.v1"}
    assert chosen == names | {"ctxprune.counter": pruned.counter, **account}
    assert spans.one("ctxprune.prune.select").keys() == {"ctxprune.seconds"}
    assert {span.status.status_code.name for span in spans.all()} == {"UNSET"}
    assert {span.instrumentation_scope.name for span in spans.all()} == {"ctxprune"}


def test_spans_lie_within_their_parents(spans: Spans) -> None:
    prune(QUERY, TEXTS, scorer="lexical.v1", budget=9)
    by_id = {span.context.span_id: span for span in spans.all()}
    slack = 1_000  # steps are measured in seconds, as floats
    for span in by_id.values():
        if span.parent is not None:
            parent = by_id[span.parent.span_id]
            assert parent.start_time - slack <= span.start_time <= span.end_time <= parent.end_time + slack


def test_the_wall_clock_may_be_set_meanwhile(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    from ctxprune.utils import tracing

    real, readings = time.time_ns, itertools.count()
    clock = SimpleNamespace(time_ns=lambda: real() - next(readings) * 10**10, perf_counter_ns=time.perf_counter_ns)
    clock.perf_counter = time.perf_counter
    monkeypatch.setattr(tracing, "time", clock)
    with start_span("app"), start_span("call", live=True):
        prune(QUERY, TEXTS, scorer="lexical.v1")
    assert spans.tree() == ["app", ".call", *(f"..{name}" for name in PRUNE)]
    assert all(0 <= span.end_time - span.start_time < 10**10 for span in spans.all())


def test_every_door_gives_the_same_tree(spans: Spans) -> None:
    PassagePruner(Pruner("lexical.v1")).prune(QUERY, TEXTS)
    assert spans.tree() == PRUNE
    spans.clear()
    Pruner("lexical.v1").prune(QUERY, Passage(TEXTS[0]))
    assert spans.tree() == [PRUNE[0], *PRUNE[2:]]
    spans.clear()
    parts = {"a": Passage(TEXTS[0]), "b": Passage(TEXTS[1])}
    ContextBudget(20).prune(QUERY, parts)
    assert spans.tree() == [PRUNE[0], *(f".ctxprune.prune.{step}" for step in ("score", "count", "select"))]
    assert spans.one("ctxprune.prune")["ctxprune.contexts"] == 2


def test_a_batch_has_a_span_for_each_context(spans: Spans) -> None:
    Pruner("lexical.v1").prune_batch(QUERY, [Passage(text) for text in TEXTS])
    assert spans.tree() == [PRUNE[0], PRUNE[2], *[PRUNE[3], *CHOOSE] * 2]


def test_a_large_batch_is_one_span_with_sums(spans: Spans) -> None:
    contexts = [Passage(f"The bridge is long {number}. It opened in 1933.") for number in range(300)]
    results = Pruner("lexical.v1", TokenBudget(10)).prune_batch(QUERY, contexts)
    assert spans.tree() == ["ctxprune.prune"]
    told = spans.one("ctxprune.prune")
    assert (told["ctxprune.contexts"], told["ctxprune.units"]) == (300, 600)
    assert told["ctxprune.tokens.after"] == sum(pruned.tokens_after for pruned in results)
    for step in ("score", "count", "select", "render"):
        assert told[f"ctxprune.seconds.{step}"] == pytest.approx(sum(one.seconds[step] for one in results))


@pytest.mark.parametrize("threads", [1, 4])
def test_spans_that_wait_are_written_by_the_hundred(spans: Spans, threads: int) -> None:
    def work() -> None:
        for _ in range(500):
            with start_span("step"), start_span("part"):
                pass

    with start_span("app"), start_span("loop"):
        workers = [Thread(target=copy_context().run, args=(work,)) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert 1_000 * threads - len(spans.written()) < 300
    assert Counter(span.name for span in spans.all()) == {
        "app": 1, "loop": 1, "step": 500 * threads, "part": 500 * threads,
    }  # fmt: skip
    ids = {span.context.span_id: span.name for span in spans.all()}
    above = Counter(ids[span.parent.span_id] for span in spans.all() if span.parent is not None)
    assert above == {"app": 1, "loop": 500 * threads, "step": 500 * threads}


def test_asyncio_and_threads_keep_the_parent(spans: Spans) -> None:
    async def several() -> None:
        with start_span("app"):
            await asyncio.gather(*(aprune(QUERY, text, scorer="lexical.v1") for text in TEXTS))

    asyncio.run(several())
    assert spans.tree().count(".ctxprune.prune") == 2
    assert spans.tree()[0] == "app"
    assert spans.tree().count("..ctxprune.prune.choose") == 2
    spans.clear()
    with start_span("app"):
        threads = [Thread(target=copy_context().run, args=(prune, QUERY, text)) for text in TEXTS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert spans.tree().count(".ctxprune.prune") == 2


def test_the_parent_may_be_the_applications_own_span(spans: Spans) -> None:
    from opentelemetry import trace

    with trace.get_tracer("app").start_as_current_span("request"):
        prune(QUERY, TEXTS, scorer="lexical.v1")
        # What comes after a prune is no child of it.
        with trace.get_tracer("app").start_as_current_span("after"):
            pass
    assert spans.tree() == ["request", *(f".{name}" for name in PRUNE), ".after"]


def test_a_failure_is_told_without_its_message(spans: Spans) -> None:
    with pytest.raises(BudgetError):
        prune(QUERY, ["secret " * 50], scorer="lexical.v1", budget=1)
    assert spans.one("ctxprune.prune") == {"error.type": "BudgetError", "ctxprune.error.code": "CP002"}
    (root,) = spans.all("ctxprune.prune")
    assert (root.status.status_code.name, root.status.description, root.events) == ("ERROR", None, ())
    assert "secret" not in spans.text()


def test_a_foreign_scorers_failure_is_told_by_its_type(spans: Spans) -> None:
    class Broken:
        def score(self, query: str, context: object) -> object:
            raise ZeroDivisionError(f"secret {query}")

    with pytest.raises(ZeroDivisionError):
        prune(QUERY, TEXTS, scorer=Broken())
    assert spans.one("ctxprune.prune.score") == {"error.type": "ZeroDivisionError"}
    assert "secret" not in spans.text()


def test_the_code_of_a_foreign_exception_is_not_told(spans: Spans) -> None:
    class ForeignError(Exception):
        code = "hunter2"

    with pytest.raises(ForeignError), start_span("app"):
        raise ForeignError
    assert spans.one("app") == {"error.type": ForeignError.__qualname__}


def test_questions_are_told_only_where_they_are_asked_for(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    prune(QUERY, TEXTS, scorer="lexical.v1")
    assert "bridge" not in spans.text()
    assert "Cats" not in spans.text()
    for value, shown in (("span_only", True), ("SPAN_AND_EVENT", True), ("true", True), ("event_only", False)):
        spans.clear()
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", value)
        prune(QUERY, TEXTS, scorer="lexical.v1")
        assert (spans.one("ctxprune.prune").get("ctxprune.query") == (QUERY,)) is shown
        assert "Cats" not in spans.text()


def test_a_thread_that_outlives_its_span_is_told_too(spans: Spans) -> None:
    begun, go = Event(), Event()

    def work() -> None:
        with start_span("late"):
            begun.set()
            go.wait(10)
            with start_span("live", live=True), start_span("inner"):
                pass

    with start_span("app"), start_span("step"):
        thread = Thread(target=copy_context().run, args=(work,))
        thread.start()
        begun.wait(10)
    go.set()
    thread.join()
    assert spans.tree() == ["app", ".step", "..late", "...live", "....inner"]
    assert len({span.context.span_id for span in spans.all()}) == 5


def test_spans_of_other_libraries_hang_at_the_nearest_live_span(spans: Spans) -> None:
    from opentelemetry import baggage, context, trace

    with start_span("app"), start_span("step"), start_span("call", live=True), start_span("part"):
        with trace.get_tracer("http").start_as_current_span("GET"), start_span("ours"):
            pass
        token = context.attach(baggage.set_baggage("a", "b"))
        with start_span("within"):
            pass
        context.detach(token)
    assert spans.tree() == ["app", ".step", "..call", "...part", "....within", "...GET", "....ours"]


def test_a_sampler_that_drops_is_obeyed(spans: Spans, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    provider = TracerProvider(sampler=ALWAYS_OFF, shutdown_on_exit=False)
    monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", provider)
    with start_span("app") as span:
        assert not span.recording
    assert prune(QUERY, TEXTS, scorer="lexical.v1", budget=14).tokens_after <= 14


def test_off_is_one_shared_object_and_nothing_is_imported() -> None:
    code = (
        "import sys, ctxprune\n"
        "from ctxprune.utils.tracing import NO_SPAN, start_span\n"
        "def refuse(): raise AssertionError\n"
        "assert start_span('app', refuse) is NO_SPAN\n"
        "ctxprune.prune('When?', ['It opened in 1933.', 'Cats sleep.'], scorer='lexical.v1', budget=9)\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_api_alone_is_off_too() -> None:
    pytest.importorskip("opentelemetry.trace")
    code = (
        "import opentelemetry.trace\n"
        "from ctxprune.utils.tracing import NO_SPAN, is_traced, start_span\n"
        "assert start_span('app') is NO_SPAN and not is_traced()\n"
        "opentelemetry.trace.set_tracer_provider(opentelemetry.trace.NoOpTracerProvider())\n"
        "assert start_span('app') is NO_SPAN and not is_traced()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


class Told:
    """An observer that writes down what it is told."""

    def __init__(self, log: list[tuple[object, ...]], name: str = "") -> None:
        self.log, self.name = log, name

    def start(self, name: str, attributes: Mapping[str, Any]) -> Told:
        self.log.append(("start", self.name, name, dict(attributes)))
        return Told(self.log, name)

    def end(self, attributes: Mapping[str, Any], error: BaseException | None) -> None:
        self.log.append(("end", self.name, dict(attributes), type(error).__name__))


def test_an_observer_needs_no_opentelemetry() -> None:
    log: list[tuple[object, ...]] = []
    with observe_spans(Told(log)), start_span("outer", lambda: {"a": 1, "none": None}) as outer:
        outer.set({"b": 2})
        with pytest.raises(KeyError), start_span("inner"):
            raise KeyError("secret")
    assert log == [
        ("start", "", "outer", {"a": 1}),
        ("start", "outer", "inner", {}),
        ("end", "inner", {"error.type": "KeyError"}, "KeyError"),
        ("end", "outer", {"a": 1, "b": 2}, "NoneType"),
    ]
    assert start_span("later") is NO_SPAN or not log[4:]


def test_below_a_whole_span_only_live_ones_are_told(spans: Spans) -> None:
    with start_span("part", whole=True) as outer:
        assert start_span("step") is NO_SPAN
        with start_span("part") as inner, start_span("call", live=True), start_span("within"):
            inner.set({"a": 1})
        assert outer.recording
    assert spans.tree() == ["part", ".call", "..within"]
    assert spans.one("part") == {"a": 1}


def test_the_same_name_twice_is_one_span(spans: Spans) -> None:
    with start_span("app") as outer, start_span("app") as inner:
        inner.set({"a": 1})
        assert inner.recording is outer.recording is True
        with start_span("part"):
            pass
    assert spans.tree() == ["app", ".part"]
    assert spans.one("app") == {"a": 1}


@pytest.mark.parametrize("budget", [TokenBudget(9), TokenBudget(14), TokenBudget(1_000)])
def test_results_are_the_same_with_and_without_spans(budget: TokenBudget, request: pytest.FixtureRequest) -> None:
    pruner = Pruner("lexical.v1", budget)
    plain = pruner.prune(QUERY, Passage(TEXTS[0]))
    request.getfixturevalue("spans")
    assert pruner.prune(QUERY, Passage(TEXTS[0])) == plain
