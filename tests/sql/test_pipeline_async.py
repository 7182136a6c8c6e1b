"""The pipeline asked by several at once, in asyncio and in threads, and cancelled."""

from __future__ import annotations

import asyncio
import runpy
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.database.database import Database
from ctxprune.sql.generate.base import Candidate, Request
from ctxprune.sql.generate.chat import ChatGenerator
from ctxprune.sql.pipeline.pipeline import Answer, Pipeline, PipelineConfig
from ctxprune.utils.cancellation import Stop, cancellation

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "generate" / "chat_fakes.py")))
parts = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "pipeline_fakes.py")))


@pytest.fixture
def database(shop: Path) -> Iterator[Database]:
    with Database(shop) as opened:
        yield opened


def test_async_and_batch_agree_with_one(database: Database) -> None:
    pipeline = parts.pipeline(database, ChatGenerator(fakes.FakeModel(_echo)))
    questions = [f"question {number}" for number in range(12)]
    one = [pipeline.ask(question).rows for question in questions]
    assert [answer.rows for answer in pipeline.ask_many(questions)] == one
    assert [answer.rows for answer in pipeline.ask_many(questions, workers=4)] == one

    async def ask_all() -> list[Answer]:
        return list(await asyncio.gather(*(pipeline.aask(question) for question in questions)))

    assert [answer.rows for answer in asyncio.run(ask_all())] == one
    with pytest.raises(UsageError, match="workers"):
        pipeline.ask_many(questions, workers=0)


def _cancelled_after(seconds: float, pipeline: Pipeline) -> float:
    """Seconds that `asyncio.run` took around a question that is given up after `seconds`."""

    async def ask() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(pipeline.aask("Which cities?"), seconds)

    start = time.monotonic()
    asyncio.run(ask())
    return time.monotonic() - start


def test_a_cancelled_question_waits_for_no_model_and_asks_none_again(database: Database) -> None:
    release = threading.Event()

    def wait(*_: object) -> str:
        release.wait(30)
        return "SELECT 1"

    model, second = fakes.FakeModel(wait), fakes.saying("SELECT 1")
    pipeline = parts.pipeline(database, ChatGenerator(model), ChatGenerator(second))
    try:
        assert _cancelled_after(0.2, pipeline) < 5
    finally:
        release.set()
    time.sleep(0.2)
    assert (len(model.prompts), len(second.prompts)) == (1, 0)
    assert pipeline.ask("Which cities?").rows == ((1,),)


def test_a_cancelled_question_starts_no_query(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(parts.Writes):
        def generate(self, request: Request) -> Sequence[Candidate]:
            time.sleep(0.4)
            return super().generate(request)

    slow, ran = Slow("SELECT 7"), []
    database.schema()
    pipeline = parts.pipeline(database, slow)
    monkeypatch.setattr(database, "execute", lambda sql, **_: ran.append(sql))
    _cancelled_after(0.1, pipeline)
    assert len(slow.requests) == 1
    assert ran == []


def test_a_cancelled_question_draws_no_further_answer_from_a_langchain_model(database: Database) -> None:
    class Runnable:
        calls = 0

        def invoke(self, _turns: object, **_options: object) -> str:
            self.calls += 1
            time.sleep(0.4)
            return "SELECT 1"

    model = Runnable()
    config = PipelineConfig(paths=("full",), candidates=5)
    _cancelled_after(0.6, parts.pipeline(database, ChatGenerator(model), config=config))
    time.sleep(0.6)
    assert model.calls == 2


def test_threads_share_one_pipeline(database: Database) -> None:
    pipeline = parts.pipeline(database, ChatGenerator(fakes.FakeModel(_echo)))
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(pipeline.ask, [f"question {number}" for number in range(40)]))
    assert [answer.rows for answer in answers] == [((f"question {number}",),) for number in range(40)]
    assert all(
        [step.name for step in answer.trace.steps] == [step.name for step in pipeline.steps] for answer in answers
    )


def _echo(prompt: str, _sampling: object, _turn: int) -> str:
    line = next(line for line in prompt.splitlines() if "question " in line and "Question:" in line)
    return f"SELECT '{line.partition('Question: ')[2]}'"


ENDLESS = f"SELECT COUNT(*) FROM {', '.join(f'city AS c{n}' for n in range(20))}"


def test_a_cancelled_question_ends_the_query_that_runs(database: Database) -> None:
    pipeline = parts.pipeline(database, ChatGenerator(fakes.saying(ENDLESS)))
    assert _cancelled_after(0.5, pipeline) < 4  # its own limit would be ten seconds, for each of several candidates


def test_a_query_is_ended_from_another_thread_and_its_database_goes_on(database: Database) -> None:
    stop = Stop()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    with cancellation(stop), pytest.raises(asyncio.CancelledError):
        database.execute(ENDLESS)
    timer.join()
    with cancellation(stop), pytest.raises(asyncio.CancelledError):
        database.execute("SELECT 1")
    assert database.execute("SELECT 1").rows == ((1,),)
