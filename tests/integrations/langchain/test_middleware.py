"""Middleware in agents of langchain; skipped where that package is not installed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain", reason="langchain is not installed")

from langchain.agents import create_agent
from langchain.agents.middleware import ContextEditingMiddleware
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool
from pydantic import PrivateAttr

from ctxprune import as_counter
from ctxprune.errors import MissingExtraError
from ctxprune.integrations.langchain import (
    MessagePruner,
    PruneToolResults,
    PruningMiddleware,
    ToolSelectionMiddleware,
    ToolSelector,
    sql_tool,
)
from ctxprune.sql import Database, Pipeline

QUESTION = "When did the bridge open?"
FACT = "The bridge did open in 1933."
LONG = " ".join(f"Ferry number {i} carries cars and cattle over the water." for i in range(40)) + f" {FACT}"
PRUNER = MessagePruner(limit=100, scorer="lexical.v1")


class Model(GenericFakeChatModel):
    """Calls `look_up` once, then answers; keeps what it was sent and offered."""

    _seen: list[list[BaseMessage]] = PrivateAttr(default_factory=list)
    _offered: list[list[str]] = PrivateAttr(default_factory=list)

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        self._offered.append([tool.name for tool in tools])
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        self._seen.append(messages)
        return super()._generate(messages, *args, **kwargs)


def model() -> Model:
    call = AIMessage("", tool_calls=[{"name": "look_up", "args": {"word": "bridge"}, "id": "c1"}])
    return Model(messages=iter([call, AIMessage("In 1933.")]))


def tool(name: str, description: str) -> StructuredTool:
    def function(word: str) -> str:
        return LONG

    async def afunction(word: str) -> str:
        return LONG

    return StructuredTool.from_function(function, afunction, name=name, description=description)


TOOLS = [tool("look_up", "Looks up when something did open."), *(tool(f"mail_{i}", "Sends a mail.") for i in range(6))]
ASKED = {"messages": [HumanMessage(QUESTION)]}


def both(middleware: list[Any]) -> list[tuple[Model, dict[str, Any]]]:
    """A sync and an async run of an agent: its model and its last state."""
    runs = []
    for run in (lambda agent: agent.invoke(ASKED), lambda agent: asyncio.run(agent.ainvoke(ASKED))):
        fake = model()
        runs.append((fake, run(create_agent(fake, TOOLS, middleware=middleware))))
    return runs


def test_the_model_sees_pruned_results_and_the_state_keeps_them_whole() -> None:
    for fake, state in both([PruningMiddleware(PRUNER)]):
        shown = fake._seen[1][-1]
        assert isinstance(shown, ToolMessage)
        assert shown.tool_call_id == "c1"
        assert FACT in shown.content
        assert as_counter().count(shown.content) <= 100
        assert [message.content for message in state["messages"]][2:] == [LONG, "In 1933."]
        assert shown.id == state["messages"][2].id


class Recorder(BaseCallbackHandler):
    """Names of runs, with that of the run that each is a part of."""

    def __init__(self) -> None:
        self.names: dict[Any, str] = {}
        self.runs: list[tuple[str, str]] = []

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: Any, **options: Any) -> None:
        self.names[run_id] = options["name"]
        self.runs.append((self.names.get(options.get("parent_run_id"), ""), options["name"]))


@pytest.mark.parametrize("asynchronous", [False, True])
def test_steps_are_runs_within_the_call_of_the_model(asynchronous: bool) -> None:
    recorder, agent = Recorder(), create_agent(model(), TOOLS, middleware=[PruningMiddleware(PRUNER)])
    if asynchronous:
        asyncio.run(agent.ainvoke(ASKED, {"callbacks": [recorder]}))
    else:
        agent.invoke(ASKED, {"callbacks": [recorder]})
    assert ("model", "ctxprune.prune") in recorder.runs
    assert ("ctxprune.prune", "ctxprune.prune.score") in recorder.runs


def test_the_model_is_offered_the_tools_that_the_question_needs() -> None:
    selector = ToolSelector(least=1, most=2, scorer="lexical.v1")
    for fake, state in both([ToolSelectionMiddleware(selector)]):
        assert fake._offered
        assert all("look_up" in offered and len(offered) <= 2 for offered in fake._offered)
        assert state["messages"][-1].content == "In 1933."


def test_both_go_together_with_their_defaults() -> None:
    for fake, state in both([PruningMiddleware(), ToolSelectionMiddleware()]):
        assert len(fake._seen) == 2
        assert all("look_up" in offered for offered in fake._offered)
        assert state["messages"][-1].content == "In 1933."


def test_the_edit_fits_langchains_own_middleware() -> None:
    for fake, _ in both([ContextEditingMiddleware(edits=[PruneToolResults(trigger=50, pruner=PRUNER)])]):
        assert FACT in fake._seen[1][-1].content
        assert as_counter().count(fake._seen[1][-1].content) <= 100
        assert fake._seen[1][-1].tool_call_id == "c1"


def test_an_agent_asks_a_database_and_goes_on_after_a_fault(shop: Path) -> None:
    def ask(question: str, number: str) -> AIMessage:
        return AIMessage("", tool_calls=[{"name": "ask_database", "args": {"question": question}, "id": number}])

    with Database(shop) as database:
        tools = [sql_tool(Pipeline(database))]
        for run in (lambda agent: agent.invoke(ASKED), lambda agent: asyncio.run(agent.ainvoke(ASKED))):
            fake = Model(messages=iter([ask("", "c1"), ask("How many cities are there?", "c2"), AIMessage("Four.")]))
            agent = create_agent(fake, tools, middleware=[PruningMiddleware(PRUNER), ToolSelectionMiddleware()])
            results = [message for message in run(agent)["messages"] if isinstance(message, ToolMessage)]
            assert [(result.tool_call_id, result.status) for result in results] == [("c1", "error"), ("c2", "success")]
            assert results[0].content == "No answer: the question is empty (CP001)"
            assert results[1].content.endswith("\n4\n(1 rows)")
            assert results[1].artifact["rows"] == [[4]]


def test_without_langchain_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ctxprune.integrations.langchain.middleware")
    monkeypatch.setitem(sys.modules, "langchain.agents.middleware", None)
    package = sys.modules["ctxprune.integrations.langchain"]
    monkeypatch.delattr(package, "PruningMiddleware", raising=False)  # kept there once it was imported
    with pytest.raises(MissingExtraError, match=r"ctxprune-middleware\[agents\]"):
        _ = package.PruningMiddleware
    assert package.MessagePruner is MessagePruner
