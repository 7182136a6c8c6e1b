"""A trace as a tree of text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ctxprune.llm.base import ChatAnswer, ChatModel, Message, Sampling
from ctxprune.sql import ChatGenerator, Database
from ctxprune.sql.pipeline.answer import Answer
from ctxprune.sql.pipeline.conversation import Conversation
from ctxprune.sql.pipeline.trace_text import draw_trace

from .pipeline_fakes import Found, Writes, hit, pipeline

QUESTION = "How many people live in Paris?"
COUNT = "SELECT population FROM city WHERE name = 'Paris'"


class Model(ChatModel):
    fingerprint = name = "tiny"

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        return [ChatAnswer(f"```sql\n{COUNT}\n```", 100, 10)]


def drawn(answer: Answer) -> str:
    """The tree without its times."""
    return re.sub(r"  [\d.]+ ms", "", draw_trace(answer))


def test_a_tree_of_steps_hits_candidates_and_queries(shop: Path) -> None:
    statements = (COUNT, "SELECT nme FROM city", "DELETE FROM city")
    with Database(shop) as database:
        answer = pipeline(database, Writes(*statements), values=Found(hit("Paris"))).ask(QUESTION)
    marks = [*["├─"] * (len(answer.doubts) - 1), *["└─"] * min(len(answer.doubts), 1)]
    doubts = "".join(f"\n   {mark} {text}" for mark, text in zip(marks, answer.doubts, strict=True))
    assert (
        drawn(answer)
        == f"""\
ask "How many people live in Paris?", {answer.outcome}, confidence {answer.confidence:.0%}
├─ screen
├─ values, 1 value
│  └─ city.name = "Paris" (exact, 1.00)
├─ link, 8 to 3 columns
├─ generate, 3 candidates
│  ├─ candidate 1, writes.v1 on full
│  │  └─ {COUNT}
│  ├─ candidate 2, writes.v1 on full
│  │  ├─ SELECT nme FROM city
│  │  └─ invented name: there is no nme; similar: city.name
│  └─ candidate 3, writes.v1 on full
│     └─ DELETE FROM city
├─ names
├─ execute, 2 of 3 ran
│  ├─ candidate 1, 1 row
│  ├─ candidate 2, 4 rows
│  │  ├─ repaired: SELECT nme FROM city
│  │  └─ ran: SELECT city.name FROM city
│  └─ candidate 3, failed: only a SELECT query may run, not DELETE
├─ trust
├─ select, candidate 1, 2 results: {answer.reason}
└─ assess, {answer.outcome}{doubts}"""
    )


def test_model_calls_stand_in_their_step(shop: Path) -> None:
    with Database(shop) as database:
        answer = pipeline(database, ChatGenerator(Model())).ask(QUESTION)
    lines = drawn(answer).splitlines()
    assert lines[0].endswith(f", {answer.trace.tokens_in} tokens in, {answer.trace.tokens_out} out")
    calls = [line for line in lines if line.startswith("│  ├─ chat tiny")]
    assert len(calls) == sum(len(step.calls) for step in answer.trace.steps) > 0
    assert all(line.endswith((" tokens in, 10 out", " tokens in, 30 out")) for line in calls)


def test_a_refusal_and_a_follow_up(shop: Path) -> None:
    with Database(shop) as database:
        made = pipeline(database, Writes(COUNT), values=Found(hit("Paris")))
        assert drawn(made.ask("Delete all cities")) == 'ask "Delete all cities", write_request\n└─ screen'
        talk = Conversation(made)
        talk.ask(QUESTION)
        assert "\n├─ rewrite, " in drawn(talk.ask("And in Springfield?"))


def test_long_and_hostile_texts_stay_on_one_line(shop: Path) -> None:
    hits = [hit(f"a\x1b[2J\n\u2028b{number}" * 100) for number in range(12)]
    with Database(shop) as database:
        answer = pipeline(database, Writes(COUNT + " " * 500 + "-- x"), values=Found(*hits)).ask(
            "Which\x85 city?" * 200
        )
    text = draw_trace(answer)
    assert all(line.isprintable() and len(line) < 900 for line in text.split("\n"))
    assert "│  └─ 2 more" in text
