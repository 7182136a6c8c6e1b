"""NL2SQL as a runnable and as a tool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.messages import ToolMessage

from ctxprune import as_counter
from ctxprune.errors import BudgetError, DatabaseError, UsageError
from ctxprune.integrations.langchain import answer_text, sql_runnable, sql_tool
from ctxprune.sql import Database, Pipeline
from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.pipeline.answer import Answer
from ctxprune.sql.pipeline.steps import Refusal

QUESTION = "How many cities are there?"


@pytest.fixture
def pipeline(shop: Path) -> Iterator[Pipeline]:
    with Database(shop) as database:
        yield Pipeline(database)


def answer(rows: list[tuple[object, ...]], columns: tuple[str, ...] = ("a", "b"), *, truncated: bool = False) -> Answer:
    return Answer("q", "SELECT a, b FROM t", ResultSet(columns, tuple(rows), truncated), 1.0, None, None)  # type: ignore[arg-type]


def call(tool: Any, **args: Any) -> ToolMessage:
    return tool.invoke({"name": tool.name, "args": args, "id": "7", "type": "tool_call"})


def test_the_runnable_answers_alone_in_chains_and_in_batches(pipeline: Pipeline) -> None:
    runnable = sql_runnable(pipeline)
    assert runnable.invoke(QUESTION).rows == ((4,),)
    assert runnable.invoke({"question": QUESTION, "evidence": "city"}).rows == ((4,),)
    assert asyncio.run(runnable.ainvoke({"query": QUESTION})).rows == ((4,),)
    assert [found.rows for found in runnable.batch([QUESTION, QUESTION])] == [((4,),)] * 2
    chain = runnable | answer_text
    assert chain.invoke(QUESTION).endswith("\n4\n(1 rows)")
    with pytest.raises(UsageError, match="no question"):
        runnable.invoke({"input": QUESTION})
    with pytest.raises(UsageError, match="empty"):
        runnable.invoke("")


def test_the_tool_gives_text_for_the_model_and_all_rows_beside(pipeline: Pipeline) -> None:
    tool = sql_tool(pipeline, rows=1)
    message = call(tool, question="Which cities are there?")
    assert message.status == "success"
    assert message.tool_call_id == "7"
    assert message.content.startswith("SQL: SELECT")
    assert message.content.endswith("(4 rows, the first 1 shown)")
    assert len(message.artifact["rows"]) == 4
    assert "trace" not in message.artifact
    later = asyncio.run(
        tool.ainvoke({"name": tool.name, "args": {"question": QUESTION}, "id": "8", "type": "tool_call"})
    )
    assert later.artifact["rows"] == [[4]]
    assert "4" in tool.invoke({"question": QUESTION})


def test_the_tool_describes_itself(pipeline: Pipeline) -> None:
    tool = sql_tool(pipeline)
    assert tool.name == "ask_database"
    assert "city" in tool.description
    assert "order items" in tool.description
    assert tool.args["question"]["type"] == "string"
    assert tool.args["question"]["description"]
    named = sql_tool(pipeline, name="shop", description="Ask the shop.")
    assert (named.name, named.description) == ("shop", "Ask the shop.")


def test_faults_are_sentences_without_particulars(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tool = sql_tool(pipeline)
    message = call(tool, question=" ")
    assert (message.status, message.content) == ("error", "No answer: the question is empty (CP001)")
    assert message.artifact is None
    assert call(tool, wrong=1).status == "error"

    def gone(*_: object) -> Answer:
        raise DatabaseError("no connection to db.internal as reader", where="postgresql://reader@db.internal/shop")

    async def agone(*_: object) -> Answer:
        gone()
        raise AssertionError

    monkeypatch.setattr(pipeline, "ask", gone)
    monkeypatch.setattr(pipeline, "aask", agone)
    expected = "No answer: the database cannot be used right now: try again later (CP100)"
    assert call(tool, question="a").content == expected
    assert asyncio.run(tool.ainvoke({"question": "a"})) == expected
    assert caplog.text.count("db.internal/shop") == 2


def test_a_refusal_is_an_answer(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Answer("q", "", None, 0.0, Refusal("unanswerable", "No column holds it."), pipeline.ask(QUESTION).trace)
    monkeypatch.setattr(pipeline, "ask", lambda *_: refused)
    message = call(sql_tool(pipeline), question="q")
    assert (message.status, message.content) == (
        "success",
        "No answer: No column holds it.\nOutcome: unanswered, confidence 0.00",
    )
    assert message.artifact["refused"]
    assert (message.artifact["outcome"], message.artifact["confidence"]) == ("unanswered", 0)


@pytest.mark.parametrize(
    ("question", "outcome", "told"),
    [
        (QUESTION, "answered", "Outcome: answered, confidence 0."),
        ("How many cities of Mordor are there?", "tentative", "\nDoubts: 'Mordor' is no stored value"),
        ("How many zeppelins of Mordor?", "unanswered", "\nDoubts: the question mentions 'zeppelins'"),
        ("Delete all cities", "unanswered", "\nOutcome: unanswered, confidence 0.00"),
    ],
)
def test_outcome_confidence_and_doubts_are_told(pipeline: Pipeline, question: str, outcome: str, told: str) -> None:
    message = call(sql_tool(pipeline), question=question)
    artifact = message.artifact
    assert message.status == "success"
    assert told in message.content
    assert f"Outcome: {outcome}, confidence {artifact['confidence']:.2f}" in message.content
    assert artifact["outcome"] == outcome
    assert all(doubt["message"] in message.content for doubt in artifact["doubts"])
    assert bool(artifact["doubts"]) == ("Doubts: " in message.content)
    later = asyncio.run(
        sql_tool(pipeline).ainvoke({"name": "x", "args": {"question": question}, "id": "8", "type": "tool_call"})
    )
    assert later.content == message.content


def test_cells_are_cut_and_stay_in_their_line() -> None:
    text = answer_text(answer([(None, b"123"), ("a\nb\r\x00", "x" * 300)]))
    lines = text.splitlines()
    outcome = "Outcome: tentative, confidence 1.00"
    assert lines[:4] == ["SQL: SELECT a, b FROM t", outcome, "a | b", "NULL | <3 bytes>"]
    assert lines[4] == "a\\nb\\r\\0 | " + "x" * 200 + "…"
    assert lines[5] == "(2 rows)"


def test_rows_keep_to_the_budget_from_the_first() -> None:
    counter = as_counter()
    rows = [(number, f"name {number}") for number in range(500)]
    for budget in (60, 100, 400):
        text = answer_text(answer(rows), rows=500, budget=budget)
        shown = text.splitlines()[3:-1]
        assert counter.count(text) <= budget
        assert shown == [f"{number} | name {number}" for number in range(len(shown))]
        assert text.endswith(f"(500 rows, the first {len(shown)} shown)")
        assert shown
    assert answer_text(answer(rows[:2], truncated=True)).endswith("(over 2 rows, the first 2 shown)")
    assert answer_text(answer([])).endswith("a | b\n(0 rows)")


def test_the_budget_holds_whatever_the_statement_and_the_names() -> None:
    columns = tuple(f"a long name of column {number}" for number in range(4_000))
    wide = replace(answer([tuple(range(4_000))] * 3, columns), sql=f"SELECT {', '.join(columns)} FROM t")
    refused = replace(wide, result=None, refusal=Refusal("failed", "no column " * 2_000))
    for budget in (60, 200, 1_000, 8_000):
        for one in (wide, refused):
            text = answer_text(one, budget=budget)
            assert as_counter().count(text) <= budget
            assert "\nOutcome: " in text
            assert text.startswith(("SQL: SELECT a long", "No answer: no column"))
        assert answer_text(wide, budget=budget).endswith("(3 rows, the first 0 shown)")
    with pytest.raises(BudgetError, match="does not fit into 5 tokens"):
        answer_text(answer([]), budget=5)


def test_an_answer_that_fits_no_budget_is_an_error(pipeline: Pipeline) -> None:
    message = call(sql_tool(pipeline, budget=5), question=QUESTION)
    assert (message.status, message.artifact) == ("error", None)
    assert message.content == "No answer: the answer does not fit into 5 tokens: raise the budget (CP002)"


@pytest.mark.parametrize("wrong", [{"rows": -1}, {"budget": 0}, {"rows": True}, {"budget": 1.5}])
def test_numbers_out_of_range_are_told(pipeline: Pipeline, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        sql_tool(pipeline, **wrong)
    with pytest.raises(UsageError, match=next(iter(wrong))):
        answer_text(answer([]), **wrong)
