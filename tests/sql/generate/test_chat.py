"""The chat generator over models that answer, fail, refuse, loop and hang."""

from __future__ import annotations

import runpy
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.errors import ModelError, UsageError
from ctxprune.llm.base import ChatAnswer, ChatModel, Message, Sampling
from ctxprune.llm.calls import ask_model, record_calls
from ctxprune.sql.generate.base import GENERATORS, Request
from ctxprune.sql.generate.chat import ChatGenerator
from ctxprune.sql.schema.schema import Column, Schema, Table

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "chat_fakes.py")))

SCHEMA = Schema("geo", (Table("city", (Column("name", "TEXT"), Column("population", "INTEGER"))),))
REQUEST = Request("How many cities?", SCHEMA, path="full", n=1)


def test_one_greedy_answer_becomes_one_candidate() -> None:
    model = fakes.saying("```sql\nSELECT count(*) FROM city;\n```")
    (made,) = ChatGenerator(model).generate(REQUEST)
    assert (made.sql, made.error, made.path, made.generator) == ("SELECT count(*) FROM city", "", "full", "chat.v1")
    assert (made.tokens_in, made.tokens_out, made.cached) == (10, 5, False)
    assert "How many cities?" in made.prompt
    assert made.raw.startswith("```sql")
    assert model.samplings[0].temperature == 0


def test_further_candidates_are_sampled_with_other_seeds_and_counted_once() -> None:
    model = fakes.FakeModel(lambda _p, sampling, turn: f"SELECT {sampling.temperature:g}, {turn}")
    made = ChatGenerator(model, temperature=0.5).generate(Request("q", SCHEMA, n=4, seed=7))
    assert [candidate.sql for candidate in made] == ["SELECT 0, 0", "SELECT 0.5, 0", "SELECT 0.5, 1", "SELECT 0.5, 2"]
    assert {sampling.seed for sampling in model.samplings} == {7}
    assert sum(candidate.tokens_in for candidate in made) == 20


def test_at_temperature_zero_there_is_one_candidate() -> None:
    model = fakes.saying("SELECT 1")
    assert len(ChatGenerator(model, temperature=0.0).generate(Request("q", SCHEMA, n=4))) == 1


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "empty answer"),
        ("I'm sorry, I can't help with that.", "refused"),
        ("There are many cities in the world.", "no SELECT"),
        ("<think>hmm", "only thought"),
        ("DROP TABLE city", "no SELECT"),
    ],
)
def test_an_answer_without_sql_is_a_candidate_with_an_error(text: str, error: str) -> None:
    (made,) = ChatGenerator(fakes.saying(text)).generate(REQUEST)
    assert made.sql == ""
    assert error in made.error
    assert made.raw == text


def test_a_raising_model_is_a_candidate_with_an_error() -> None:
    (made,) = ChatGenerator(fakes.raising(RuntimeError("out of\nmemory"))).generate(REQUEST)
    assert made.sql == ""
    assert made.error == "CP131 RuntimeError: out of memory [fake]"


def test_a_failing_greedy_draw_ends_the_request() -> None:
    model = fakes.raising(RuntimeError("down"))
    assert len(ChatGenerator(model).generate(Request("q", SCHEMA, n=4))) == 1
    assert len(model.prompts) == 1


def test_a_silent_model_is_a_candidate_with_an_error() -> None:
    (made,) = ChatGenerator(fakes.SilentModel()).generate(REQUEST)
    assert "gave no answer" in made.error


def test_a_hanging_model_is_left_at_the_deadline() -> None:
    start = time.perf_counter()
    (made,) = ChatGenerator(fakes.hanging(3.0), seconds=0.1).generate(REQUEST)
    assert time.perf_counter() - start < 2.5  # the model would take three seconds
    assert "no answer within 0.1 s" in made.error


def test_calls_are_recorded_with_failures() -> None:
    with record_calls() as calls:
        ask_model(fakes.saying("yes"), [Message("user", "ready?")], Sampling())
        with pytest.raises(ModelError):
            ask_model(fakes.raising(ValueError("no")), [Message("user", "ready?")], Sampling())
    assert [call.error for call in calls] == ["", "ValueError: no [fake]"]
    assert calls[0].answers[0].text == "yes"
    with record_calls() as outer:
        pass
    assert outer == []


def test_tokens_are_counted_where_the_model_does_not() -> None:
    class Countless:
        fingerprint = "countless"

        def complete(self, messages: object, sampling: Sampling) -> list[ChatAnswer]:
            return [ChatAnswer("SELECT count(*) FROM city")] * sampling.n

    first, second = ask_model(
        Countless(), [Message("user", "How many cities are there?")], Sampling(n=2, temperature=1)
    )
    assert 5 <= first.tokens_in <= 9
    assert second.tokens_in == 0
    assert first.tokens_out == second.tokens_out > 3


def test_ranges_are_checked() -> None:
    for options in ({"temperature": -1}, {"max_tokens": 0}, {"seconds": 0}):
        with pytest.raises(UsageError, match=next(iter(options))):
            ChatGenerator(fakes.saying(""), **options)
    with pytest.raises(UsageError, match="not a chat model"):
        ChatGenerator(object())
    with pytest.raises(UsageError, match="n is 0"):
        Sampling(n=0)


def test_it_is_registered() -> None:
    assert GENERATORS.get("chat") is ChatGenerator
    assert isinstance(ChatGenerator(fakes.saying("")).model, ChatModel)
