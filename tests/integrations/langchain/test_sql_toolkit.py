"""What the toolkit has beside what tests/integrations/sql_tools tests of every framework."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool, BaseToolkit

from ctxprune.errors import DatabaseError
from ctxprune.integrations.langchain import SQLToolkit
from ctxprune.sql import Database, Pipeline


@pytest.fixture
def pipeline(shop: Path) -> Iterator[Pipeline]:
    with Database(shop) as database:
        yield Pipeline(database)


@pytest.fixture
def tools(pipeline: Pipeline) -> dict[str, BaseTool]:
    return {tool.name: tool for tool in SQLToolkit(pipeline=pipeline).get_tools()}


def call(tool: BaseTool, **args: Any) -> ToolMessage:
    return tool.invoke({"name": tool.name, "args": args, "id": "7", "type": "tool_call"})


def test_it_is_a_toolkit_of_tools(pipeline: Pipeline) -> None:
    toolkit = SQLToolkit(pipeline=pipeline)
    assert isinstance(toolkit, BaseToolkit)
    assert all(isinstance(tool, BaseTool) for tool in toolkit.get_tools())
    assert {tool.response_format for tool in toolkit.get_tools()} == {"content_and_artifact"}
    assert "Pipeline" not in repr(toolkit)
    assert "toolbox" not in str(toolkit.get_tools()[0].model_dump())


def test_the_artifact_holds_what_the_text_leaves_out(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "long.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, town TEXT, words TEXT, raw BLOB)")
        rows = [(number, f"Town{number}", f"{number} words " * 12, b"\x00\xff") for number in range(800)]
        connection.executemany("INSERT INTO note VALUES (?, ?, ?, ?)", rows)
    connection.close()
    with Database(path) as database:
        tools = {tool.name: tool for tool in SQLToolkit(pipeline=Pipeline(database), budget=1_000).get_tools()}
        for question, shown in (("What does Town731 say?", True), ("", False)):
            message = call(tools["run_sql"], sql="SELECT * FROM note ORDER BY id", question=question)
            assert "of 800 rows are shown" in message.content
            assert ("Town731" in message.content) == shown
            assert len(message.artifact["rows"]) == 800
            assert message.artifact["rows"][731] == [731, "Town731", "731 words " * 12, b"\x00\xff"]
        answer = call(tools["ask"], question="Which towns are there?")
        assert len(answer.artifact["rows"]) == 800
        assert answer.artifact["outcome"] in answer.content
        assert "trace" not in answer.artifact


def test_a_text_is_the_first_argument(tools: dict[str, BaseTool]) -> None:
    assert '"rows": [[4]]' in tools["ask"].invoke("How many cities are there?")
    assert '"rows": [[4]]' in asyncio.run(tools["run_sql"].ainvoke("SELECT count(*) FROM city"))
    assert tools["run_sql"].invoke("DELETE FROM city").startswith("only a SELECT query may run")


def test_what_only_the_operator_can_mend_goes_to_the_log(
    tools: dict[str, BaseTool], pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*_: object) -> Any:
        raise DatabaseError("cannot connect to db.internal as reader", where="/srv/shop.sqlite")

    monkeypatch.setattr(pipeline, "ask", gone)
    message = call(tools["ask"], question="How many?")
    assert (message.status, message.content) == (
        "error",
        "the database cannot be used right now: try again later (CP100)",
    )
    assert "db.internal" in caplog.text

    def broken(*_: object) -> Any:
        raise MemoryError

    monkeypatch.setattr(pipeline, "ask", broken)
    with pytest.raises(MemoryError):
        call(tools["ask"], question="How many?")


def test_an_agent_uses_them(pipeline: Pipeline) -> None:
    agents = pytest.importorskip("langchain.agents", reason="langchain is not installed")
    fake = pytest.importorskip("langchain_core.language_models.fake_chat_models")

    class Model(fake.GenericFakeChatModel):
        def bind_tools(self, tools: Any, **_: Any) -> Any:
            assert {tool.name for tool in tools} >= {"shop_run_sql", "shop_ask"}
            return self

    def use(name: str, id_: str, **args: Any) -> BaseMessage:
        return AIMessage("", tool_calls=[{"name": name, "args": args, "id": id_}])

    script = [
        use("shop_link_schema", "1", question="How many cities are there?"),
        use("shop_run_sql", "2", sql="DROP TABLE city"),
        use("shop_run_sql", "3", sql="SELECT count(*) FROM city"),
        AIMessage("Four."),
    ]
    toolkit = SQLToolkit(pipeline=pipeline, prefix="shop_")
    agent = agents.create_agent(Model(messages=iter(script)), toolkit.get_tools())
    found = asyncio.run(agent.ainvoke({"messages": [("user", "How many cities are there?")]}))["messages"]
    results = [message for message in found if isinstance(message, ToolMessage)]
    assert [message.status for message in results] == ["success", "error", "success"]
    assert "(name:VARCHAR(40)" in results[0].content
    assert results[2].artifact["rows"] == [[4]]
    assert found[-1].content == "Four."


def test_messages_can_be_stored(tools: dict[str, BaseTool]) -> None:
    message = call(tools["run_sql"], sql="SELECT name FROM city")
    assert pickle.loads(pickle.dumps(message)) == message
