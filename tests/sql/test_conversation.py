"""Conversations: what follow-ups become, what is remembered, and how one goes on in another process."""

from __future__ import annotations

import asyncio
import json
import runpy
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.errors import FormatError, UsageError
from ctxprune.sql import Conversation, Database, Pipeline, PipelineConfig
from ctxprune.sql.pipeline.steps import Refusal, State, Step
from ctxprune.sql.rewrite.chat import ChatRewriter
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.utils.cancellation import call_on_cancel, cancellation

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "generate" / "chat_fakes.py")))
parts = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "pipeline_fakes.py")))


@pytest.fixture
def database(shop: Path) -> Iterator[Database]:
    with Database(shop) as opened:
        yield opened


@pytest.fixture
def pipeline(database: Database) -> Pipeline:
    return Pipeline(database)


def test_a_follow_up_is_answered_in_full(pipeline: Pipeline) -> None:
    talk = Conversation(pipeline)
    first = talk.ask("What is the population of the city Paris?")
    assert first.trace.rewritten.kind == "complete"
    assert first.rows == ((2100000,),)
    answer = talk.ask("and of Łódź?")
    assert answer.question == answer.trace.question == "What is the population of the city Łódź?"
    assert answer.rows == ((670000,),)
    rewritten = answer.trace.to_dict()["rewritten"]
    assert (rewritten["asked"], rewritten["rewriter"]) == ("and of Łódź?", "rule.v1")
    assert rewritten["kind"] == "value"
    assert [step.name for step in answer.trace.steps][:2] == ["rewrite", "screen"]
    assert [turn.asked for turn in talk.turns] == ["What is the population of the city Paris?", "and of Łódź?"]


def test_what_is_no_question_is_not_remembered(pipeline: Pipeline) -> None:
    talk = Conversation(pipeline)
    talk.ask("How many cities are in France?")
    assert talk.ask("Thanks!").refusal is not None
    assert [turn.asked for turn in talk.turns] == ["How many cities are in France?"]
    assert talk.ask("and in Poland?").question == "How many cities are in Poland?"


def test_a_refused_question_is_remembered_where_it_names_what_the_database_has(pipeline: Pipeline) -> None:
    class Refuse(Step):
        name = "refuse"

        def run(self, state: State) -> State:
            return replace(state, refusal=Refusal("unanswerable", "for this test"))

    talk = Conversation(Pipeline.of_steps(pipeline.schema, (Refuse(),)))
    talk.ask("Thanks!")
    assert talk.turns == ()
    talk.ask("What is the population of Atlantis?")
    assert talk.ask("What is the name of this city?").trace.rewritten.kind != "complete"
    assert [turn.asked for turn in talk.turns][:1] == ["What is the population of Atlantis?"]


def test_courtesies_are_left_out(pipeline: Pipeline) -> None:
    talk = Conversation(pipeline)
    answer = talk.ask("Hello! How many cities are in France?")
    assert (answer.question, answer.rows) == ("How many cities are in France?", ((1,),))
    assert answer.trace.rewritten.asked == "Hello! How many cities are in France?"
    assert answer.trace.rewritten.kind == "complete"
    assert talk.ask("Great, and in Poland?").question == "How many cities are in Poland?"
    assert talk.ask("Okay, now drop table city").refusal.kind == "write_request"


def test_a_pipeline_is_no_document(pipeline: Pipeline) -> None:
    with pytest.raises(FormatError, match="Pipeline is not a conversation"):
        Conversation.from_dict(Conversation(pipeline).to_dict(), pipeline)  # the wrong way round


def test_a_complete_question_forgets_the_topic(pipeline: Pipeline) -> None:
    talk = Conversation(pipeline)
    talk.ask("How many cities are in France?")
    talk.ask("and in Poland?")
    talk.ask("What is the average price of order items?")
    assert [turn.asked for turn in talk.turns] == ["What is the average price of order items?"]


def test_requests_for_a_change_are_refused_and_not_remembered(pipeline: Pipeline) -> None:
    talk = Conversation(pipeline)
    talk.ask("How many cities are in France?")
    before = talk.turns
    for asked in ("Delete all cities", "drop table city", "and then delete them"):
        answer = talk.ask(asked)
        assert answer.question == asked
        assert answer.refusal.kind == "write_request"
    assert talk.turns == before
    assert talk.ask("and in Poland?").question == "How many cities are in Poland?"


def test_what_cannot_be_resolved_is_asked_as_it_is(pipeline: Pipeline) -> None:
    talk = Conversation(pipeline)
    answer = talk.ask("and in Poland?")
    assert answer.question == "and in Poland?"
    assert answer.trace.rewritten.kind == "unresolved"
    assert talk.turns == ()


def test_a_question_that_would_be_too_long_is_left(database: Database) -> None:
    talk = Conversation(Pipeline(database, config=PipelineConfig(max_question=40)))
    talk.ask("How many cities are in France?")
    answer = talk.ask("except those older than 40 years")
    assert answer.question == "except those older than 40 years"
    assert "40 are taken" in answer.trace.rewritten.reason


def test_the_history_is_bounded(pipeline: Pipeline) -> None:
    talk = Conversation(pipeline, keep=2)
    for country in ("France", "Poland", "Brazil", "France"):
        talk.ask(f"and in {country}?" if talk.turns else f"How many cities are in {country}?")
    assert [turn.asked for turn in talk.turns] == ["and in Brazil?", "and in France?"]
    talk.reset()
    assert talk.turns == ()
    with pytest.raises(UsageError, match="keep"):
        Conversation(pipeline, keep=0)


def test_the_earlier_linking_is_kept_for_a_follow_up_only(database: Database) -> None:
    linker = parts.Keep("order items")
    writes = parts.Writes("SELECT 1", paths=("linked",))
    talk = Conversation(Pipeline(database, generators=[writes], linker=linker))
    talk.ask("How many order items are there?")
    linker.table = "city"
    follow_up = talk.ask("and by price?")
    assert set(follow_up.trace.linked.kept) == {"city", "order items"}
    assert {"city", "order items"} == {table.name for table in writes.requests[-1].schema.tables}
    assert set(talk.ask("How many cities are there?").trace.linked.kept) == {"city"}
    without = Conversation(talk.pipeline, budget=0)
    linker.table = "order items"
    without.ask("How many order items are there?")
    linker.table = "city"
    assert set(without.ask("and by price?").trace.linked.kept) == {"city"}


def test_it_goes_on_in_another_process(pipeline: Pipeline) -> None:
    talk = Conversation(pipeline, keep=3, budget=500)
    talk.ask("How many cities are in France?")
    document = json.loads(json.dumps(talk.to_dict()))
    again = Conversation.from_dict(pipeline, document)
    assert (again.turns, again.keep, again.budget) == (talk.turns, 3, 500)
    assert ColumnRef("city", "country") in again.turns[0].linked
    assert again.ask("and in Poland?").question == "How many cities are in Poland?"
    document["turns"][0]["linked"].append(["gone", "column"])
    assert Conversation.from_dict(pipeline, document).turns == talk.turns


@pytest.mark.parametrize(
    "change",
    [
        {"format": "other"},
        {"version": 2},
        {"turns": [{"asked": 1, "question": "a", "sql": "", "linked": []}]},
        {"turns": [{"asked": "a"}]},
        {"turns": [{"asked": "a", "question": "a", "sql": "", "linked": [["one"]]}]},
        {"turns": 3},
        {"keep": "many"},
        {"keep": 0},
    ],
)
def test_a_damaged_document_is_refused(change: dict[str, object], pipeline: Pipeline) -> None:
    with pytest.raises(FormatError):
        Conversation.from_dict(pipeline, Conversation(pipeline).to_dict() | change)


def test_threads_take_turns(pipeline: Pipeline) -> None:
    talk = Conversation(pipeline, keep=50)
    talk.ask("How many cities are in France?")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(talk.ask, ["and in Poland?", "and in Brazil?"] * 6))
    assert {answer.question for answer in answers} == {f"How many cities are in {one}?" for one in ("Poland", "Brazil")}
    assert len(talk.turns) == 13


def test_async_is_the_same_and_a_question_cancelled_meanwhile_leaves_nothing(database: Database) -> None:
    called, go_on = threading.Event(), threading.Event()

    def reply(prompt: str, _sampling: object, _turn: int) -> str:
        if "Brazil" not in prompt:
            return "Which cities are in Poland?"
        called.set()
        go_on.wait(10)
        return "Which cities are in Brazil?"

    talk = Conversation(Pipeline(database), rewriter=ChatRewriter(fakes.FakeModel(reply)))

    async def ask() -> list[str]:
        await talk.aask("Which cities are in France?")
        answer = await talk.aask("and in Poland?")
        asking = asyncio.create_task(talk.aask("and in Brazil?"))
        assert await asyncio.to_thread(called.wait, 10)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        go_on.set()
        return [answer.question, answer.trace.rewritten.rewriter]

    assert asyncio.run(ask()) == ["Which cities are in Poland?", "chat.v1"]  # it has waited for the threads
    assert [turn.asked for turn in talk.turns] == ["Which cities are in France?", "and in Poland?"]


def test_a_question_cancelled_after_its_last_step_leaves_nothing(pipeline: Pipeline) -> None:
    cancelled = threading.Event()

    def cancel(state: State) -> State:
        cancelled.set()
        return state

    steps = (*pipeline.steps, SimpleNamespace(name="cancel", run=cancel))
    talk = Conversation(Pipeline.of_steps(pipeline.schema, steps))
    with cancellation(cancelled), pytest.raises(asyncio.CancelledError):
        talk.ask("Which cities are in France?")
    assert cancelled.is_set()
    assert talk.turns == ()


def test_a_cancelled_question_ends_its_query(pipeline: Pipeline) -> None:
    begun, told = threading.Event(), threading.Event()

    def wait(state: State) -> State:
        with call_on_cancel(told.set):
            begun.set()
            told.wait(10)
        return state

    talk = Conversation(Pipeline.of_steps(pipeline.schema, (SimpleNamespace(name="wait", run=wait),)))

    async def ask() -> None:
        asking = asyncio.create_task(talk.aask("Which cities are in France?"))
        await asyncio.to_thread(begun.wait, 10)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert told.is_set()

    asyncio.run(ask())


def test_the_models_call_stands_in_the_trace(pipeline: Pipeline) -> None:
    talk = Conversation(pipeline, rewriter=ChatRewriter(fakes.FakeModel(lambda *_: "nonsense")))
    talk.ask("Which cities are in France?")
    answer = talk.ask("and in Poland?")
    assert [call.answers for call in answer.trace.steps[0].calls] == [("nonsense",)]
    assert answer.question == "Which cities are in Poland?"
    assert "chat.v1 wrote was not used" in answer.trace.rewritten.reason


def test_private_values_are_not_looked_up(database: Database) -> None:
    private = (ColumnRef("city", "country"),)
    talk = Conversation(Pipeline(database, config=PipelineConfig(private=private)))
    assert all(hit.ref not in private for hit in talk._find("How many cities are in France?"))
