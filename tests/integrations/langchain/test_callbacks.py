"""Steps as child runs: a recording handler sees what LangSmith would."""

from __future__ import annotations

import asyncio
import pickle
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

pytest.importorskip("langchain_core")

from langchain_core.callbacks import AsyncCallbackHandler, BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import FakeListChatModel
from langchain_core.runnables import RunnableLambda
from recorded_spans import Spans

from ctxprune import Passage, aprune, prune
from ctxprune.errors import BudgetError, StoreError
from ctxprune.integrations.langchain import PruningCompressor, PruningRetriever, SQLToolkit, sql_runnable, sql_tool
from ctxprune.integrations.langchain.callbacks import report_steps
from ctxprune.sql import ChatGenerator, Database, Pipeline
from ctxprune.utils.tracing import CONTENT_VARIABLE, NO_SPAN, start_span

QUESTION = "How many cities are there?"
QUERY = "When did it open?"
TEXT = "The bridge is long. It opened in 1933."
DOCUMENTS = [Document("The bridge is long. It opened in 1933."), Document("Cats sleep.")]
STEPS = ["screen", "values", "link", "generate", "names", "execute", "trust", "select", "assess"]


class Runs:
    """Runs in the order in which they began: name, parent's name, what they ended with."""

    def __init__(self) -> None:
        self.order: list[UUID] = []
        self.parents: dict[UUID, UUID | None] = {}
        self.names: dict[UUID, str] = {}
        self.ends: dict[UUID, Any] = {}

    def start(self, kind: str, options: dict[str, Any]) -> None:
        run = options["run_id"]
        self.order.append(run)
        self.parents[run], self.names[run] = options.get("parent_run_id"), options.get("name") or kind

    def tree(self) -> list[str]:
        def depth(run: UUID) -> int:
            parent = self.parents[run]
            return 0 if parent is None else 1 + depth(parent)

        return ["." * depth(run) + self.names[run] for run in self.order]

    def end(self, name: str) -> Any:
        (run,) = (run for run in self.order if self.names[run] == name)
        return self.ends[run]


class Recorder(BaseCallbackHandler):
    def __init__(self) -> None:
        self.runs = Runs()

    def on_chain_start(self, serialized: Any, inputs: Any, **options: Any) -> None:
        self.runs.start("chain", options)

    def on_tool_start(self, serialized: Any, text: str, **options: Any) -> None:
        self.runs.start("tool", options)

    def on_retriever_start(self, serialized: Any, query: str, **options: Any) -> None:
        self.runs.start("retriever", options)

    def on_chat_model_start(self, serialized: Any, messages: Any, **options: Any) -> None:
        self.runs.start("langchain model", options)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **options: Any) -> None:
        self.runs.ends[run_id] = outputs

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **options: Any) -> None:
        self.runs.ends[run_id] = error


class AsyncRecorder(AsyncCallbackHandler):
    def __init__(self) -> None:
        self.runs = Runs()

    async def on_chain_start(self, serialized: Any, inputs: Any, **options: Any) -> None:
        self.runs.start("chain", options)

    async def on_chain_end(self, outputs: Any, *, run_id: UUID, **options: Any) -> None:
        self.runs.ends[run_id] = outputs


@pytest.fixture
def pipeline(shop: Path) -> Iterator[Pipeline]:
    model = FakeListChatModel(responses=["```sql\nSELECT COUNT(*) FROM city\n```"])
    with Database(shop) as database:
        yield Pipeline(database, generators=[ChatGenerator(model)])


def test_a_question_shows_its_steps_and_model_calls(pipeline: Pipeline) -> None:
    recorder = Recorder()
    assert sql_runnable(pipeline).invoke(QUESTION, {"callbacks": [recorder]}).rows == ((4,),)
    tree = recorder.runs.tree()
    assert tree[:2] == ["ask_database", ".ctxprune.ask"]
    shown = [name.removeprefix("..ctxprune.ask.") for name in tree if name.startswith("..ctxprune.ask.")]
    assert [name for name in shown if name in STEPS] == STEPS
    # LangChain's own run of the model hangs below ours.
    assert tree[tree.index("...chat FakeListChatModel") + 1] == "....langchain model"
    assert recorder.runs.end("ctxprune.ask")["ctxprune.outcome"] == "answered"
    assert recorder.runs.ends.keys() >= {run for run in recorder.runs.order if "ctxprune" in recorder.runs.names[run]}


def test_a_tool_shows_them_too_from_asyncio(pipeline: Pipeline) -> None:
    recorder, handler = Recorder(), AsyncRecorder()
    tool = sql_tool(pipeline)
    assert "4" in asyncio.run(tool.ainvoke({"question": QUESTION}, {"callbacks": [recorder, handler]}))
    tree = recorder.runs.tree()
    assert tree[:3] == ["tool", ".ctxprune.ask", "..ctxprune.ask.screen"]
    assert "...ctxprune.ask.candidate" in tree
    assert "ctxprune.ask.candidate" in handler.runs.names.values()
    assert handler.runs.end("ctxprune.ask") == recorder.runs.end("ctxprune.ask")


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_retriever_shows_the_steps_of_its_compressor(asynchronous: bool) -> None:
    recorder = Recorder()
    found = RunnableLambda(lambda _: DOCUMENTS, name="search")
    retriever = PruningRetriever(retriever=found, compressor=PruningCompressor(scorer="lexical.v1"))
    config = {"callbacks": [recorder]}
    kept = asyncio.run(retriever.ainvoke(QUERY, config)) if asynchronous else retriever.invoke(QUERY, config)
    assert [document.page_content for document in kept] == ["It opened in 1933."]
    assert recorder.runs.tree() == [
        "PruningRetriever", ".search", ".PruningCompressor", "..ctxprune.prune", "...ctxprune.prune.segment",
        "...ctxprune.prune.score", "...ctxprune.prune.choose",
    ]  # fmt: skip
    assert recorder.runs.end("ctxprune.prune")["ctxprune.units.kept"] == 1


def test_a_compressor_takes_callbacks_by_itself() -> None:
    recorder = Recorder()
    PruningCompressor(scorer="lexical.v1").compress_documents(DOCUMENTS, QUERY, [recorder])
    assert recorder.runs.tree()[:2] == ["PruningCompressor", ".ctxprune.prune"]


class Unreachable:
    """A scorer whose service cannot be reached."""

    def score(self, query: str, context: Any) -> Any:
        try:
            raise OSError("10.0.0.7 refused s3cret")
        except OSError as error:
            raise StoreError("no connection", where="redis://user:s3cret@10.0.0.7/0", hint="ask Alice") from error


def written(error: BaseException) -> str:
    """All that a handler can write of an exception, as LangSmith's does."""
    lines = traceback.format_exception(error)
    return " ".join([*lines, repr(error), repr(error.__dict__), repr(error.__cause__), repr(error.__context__)])


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_failed_step_tells_type_and_code_alone(monkeypatch: pytest.MonkeyPatch, asynchronous: bool) -> None:
    monkeypatch.delenv(CONTENT_VARIABLE, raising=False)

    async def arun(text: str) -> Any:
        return await aprune(QUERY, Passage(text), scorer=Unreachable())

    run = RunnableLambda(report_steps(lambda text: prune(QUERY, text, scorer=Unreachable()).output), report_steps(arun))
    recorder = Recorder()
    config: Any = {"callbacks": [recorder]}
    invoke = (
        (lambda text: asyncio.run(run.ainvoke(text, config)))
        if asynchronous
        else (lambda text: run.invoke(text, config))
    )
    with pytest.raises(StoreError):
        invoke("It opened.")
    for name in ("ctxprune.prune", "ctxprune.prune.score"):
        error = recorder.runs.end(name)
        assert str(error) == "StoreError (CP007)"
        assert error.__traceback__ is None
        assert not any(word in written(error) for word in ("s3cret", "10.0.0.7", "Alice", "no connection", ".py"))
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_failure_of_another_kind_has_no_code() -> None:
    class Broken(Unreachable):
        def score(self, query: str, context: Any) -> Any:
            raise SystemExit("s3cret")

    recorder = Recorder()
    with pytest.raises(SystemExit):
        RunnableLambda(report_steps(lambda text: prune(QUERY, text, scorer=Broken()).output)).invoke(
            "It opened.", {"callbacks": [recorder]}
        )
    assert str(recorder.runs.end("ctxprune.prune")) == "SystemExit"


def test_with_contents_the_exception_itself_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONTENT_VARIABLE, "span_only")
    recorder = Recorder()
    with pytest.raises(BudgetError):
        PruningCompressor(scorer="lexical.v1", budget=1).compress_documents(DOCUMENTS, QUERY, [recorder])
    assert isinstance(recorder.runs.end("ctxprune.prune.choose"), BudgetError)


async def aprune_text(text: str) -> str:
    return (await aprune(QUERY, Passage(text), scorer="lexical.v1")).output


def test_handlers_that_await_the_application_do_not_block_its_event_loop() -> None:
    told: list[str] = []

    class Waiting(AsyncCallbackHandler):
        """Needs the application's event loop, as a client of a database that belongs to it does."""

        loop: asyncio.AbstractEventLoop

        async def on_chain_start(self, serialized: Any, inputs: Any, **options: Any) -> None:
            await self.note(f"+{options['name']}")

        async def on_chain_end(self, outputs: Any, **options: Any) -> None:
            await self.note("-")

        async def note(self, word: str) -> None:
            async def wait() -> None:
                await asyncio.sleep(0.01)

            if asyncio.get_running_loop() is self.loop:
                await wait()
            else:
                await asyncio.wait_for(
                    asyncio.wrap_future(asyncio.run_coroutine_threadsafe(wait(), self.loop)), timeout=5
                )
            told.append(word)

    async def main() -> str:
        handler = Waiting()
        handler.loop = asyncio.get_running_loop()
        return await RunnableLambda(report_steps(aprune_text), name="app").ainvoke(TEXT, {"callbacks": [handler]})

    assert asyncio.run(main()) == "It opened in 1933."
    steps = [word for name in ("segment", "score", "choose") for word in (f"+ctxprune.prune.{name}", "-")]
    assert told == ["+app", "+ctxprune.prune", *steps, "-", "-"]


def test_slow_handlers_leave_the_event_loop_free() -> None:
    class Slow(BaseCallbackHandler):
        def on_chain_start(self, serialized: Any, inputs: Any, **options: Any) -> None:
            if options["name"] != "app":
                held.append(threading.current_thread() is threading.main_thread())

    held: list[bool] = []
    asyncio.run(RunnableLambda(report_steps(aprune_text), name="app").ainvoke(TEXT, {"callbacks": [Slow()]}))
    assert held == [False] * 4


def test_what_a_handler_raises_behind_the_loop_is_raised() -> None:
    class Broken(BaseCallbackHandler):
        raise_error = True

        def on_chain_end(self, outputs: Any, **options: Any) -> None:
            if "ctxprune.tokens.after" in outputs:
                raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(RunnableLambda(report_steps(aprune_text)).ainvoke(TEXT, {"callbacks": [Broken()]}))


def test_tools_of_the_toolkit_show_their_steps(pipeline: Pipeline) -> None:
    tools = {tool.name: tool for tool in SQLToolkit(pipeline=pipeline).get_tools()}
    for asynchronous in (False, True):
        recorder = Recorder()
        config = {"callbacks": [recorder]}
        if asynchronous:
            asyncio.run(tools["ask"].ainvoke({"question": QUESTION}, config))
        else:
            tools["ask"].invoke({"question": QUESTION}, config)
        assert recorder.runs.tree()[:3] == ["tool", ".ctxprune.ask", "..ctxprune.ask.screen"]


def test_nothing_is_told_without_callbacks(pipeline: Pipeline) -> None:
    seen = []
    RunnableLambda(report_steps(lambda _: seen.append(start_span("step")))).invoke("x")
    assert seen == [NO_SPAN]
    recorder = Recorder()
    sql_runnable(pipeline).invoke(QUESTION, {"callbacks": [recorder]})
    told = len(recorder.runs.order)
    # Neither are questions that are asked later, outside of the runnable.
    pipeline.ask(QUESTION)
    assert len(recorder.runs.order) == told


def test_a_handler_that_raises_leaves_no_span_open(spans: Spans) -> None:
    class Broken(BaseCallbackHandler):
        raise_error = True

        def on_chain_start(self, serialized: Any, inputs: Any, **options: Any) -> None:
            if options.get("name") == "ctxprune.prune":
                raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        PruningCompressor(scorer="lexical.v1").compress_documents(DOCUMENTS, QUERY, [Broken()])
    with start_span("later"):
        pass
    assert spans.tree() == ["later"]


def test_spans_of_opentelemetry_are_made_beside_the_runs(spans: Spans, pipeline: Pipeline) -> None:
    recorder = Recorder()
    with start_span("chain"):
        sql_runnable(pipeline).invoke(QUESTION, {"callbacks": [recorder]})
    assert spans.tree()[:3] == ["chain", ".ctxprune.ask", "..ctxprune.ask.screen"]
    assert recorder.runs.tree()[:2] == ["ask_database", ".ctxprune.ask"]


def test_threads_of_a_batch_keep_to_their_own_runs(pipeline: Pipeline) -> None:
    recorder = Recorder()
    sql_runnable(pipeline).batch([QUESTION] * 3, {"callbacks": [recorder], "max_concurrency": 3})
    runs = recorder.runs
    asked = [run for run in runs.order if runs.names[run] == "ctxprune.ask"]
    assert len({runs.parents[run] for run in asked}) == 3
    assert {runs.names[runs.parents[run]] for run in asked} == {"ask_database"}  # type: ignore[index]
