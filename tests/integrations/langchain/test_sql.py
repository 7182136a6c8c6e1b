"""NL2SQL as a runnable and as a tool."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.messages import ToolMessage

from ctxprune import as_counter
from ctxprune.errors import DatabaseError, UsageError
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


def test_faults_are_sentences_and_no_tracebacks(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = sql_tool(pipeline)
    message = call(tool, question=" ")
    assert (message.status, message.content) == ("error", "No answer: the question is empty [question]")
    assert message.artifact is None
    assert call(tool, wrong=1).status == "error"

    def gone(*_: object) -> Answer:
        raise DatabaseError("the file cannot be read", where="shop.sqlite")

    async def agone(*_: object) -> Answer:
        gone()
        raise AssertionError

    monkeypatch.setattr(pipeline, "ask", gone)
    monkeypatch.setattr(pipeline, "aask", agone)
    expected = "No answer: the file cannot be read [shop.sqlite]"
    assert call(tool, question="a").content == expected
    assert asyncio.run(tool.ainvoke({"question": "a"})) == expected


def test_a_refusal_is_an_answer(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Answer("q", "", None, 0.0, Refusal("unanswerable", "No column holds it."), pipeline.ask(QUESTION).trace)
    monkeypatch.setattr(pipeline, "ask", lambda *_: refused)
    message = call(sql_tool(pipeline), question="q")
    assert (message.status, message.content) == ("success", "No answer: No column holds it.")
    assert message.artifact["refused"]


def test_cells_are_cut_and_stay_in_their_line() -> None:
    text = answer_text(answer([(None, b"123"), ("a\nb\r\x00", "x" * 300)]))
    lines = text.splitlines()
    assert lines[:3] == ["SQL: SELECT a, b FROM t", "a | b", "NULL | <3 bytes>"]
    assert lines[3] == "a\\nb\\r\\0 | " + "x" * 200 + "…"
    assert lines[4] == "(2 rows)"


def test_rows_keep_to_the_budget_from_the_first() -> None:
    counter = as_counter()
    rows = [(number, f"name {number}") for number in range(500)]
    for budget in (60, 100, 400):
        text = answer_text(answer(rows), rows=500, budget=budget)
        shown = text.splitlines()[2:-1]
        assert counter.count(text) <= budget
        assert shown == [f"{number} | name {number}" for number in range(len(shown))]
        assert text.endswith(f"(500 rows, the first {len(shown)} shown)")
        assert shown
    assert answer_text(answer(rows), budget=1).endswith("(500 rows, the first 0 shown)")
    assert answer_text(answer(rows[:2], truncated=True)).endswith("(over 2 rows, the first 2 shown)")
    assert answer_text(answer([])).endswith("a | b\n(0 rows)")


@pytest.mark.parametrize("wrong", [{"rows": -1}, {"budget": 0}, {"rows": True}, {"budget": 1.5}])
def test_numbers_out_of_range_are_told(pipeline: Pipeline, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        sql_tool(pipeline, **wrong)
    with pytest.raises(UsageError, match=next(iter(wrong))):
        answer_text(answer([]), **wrong)
