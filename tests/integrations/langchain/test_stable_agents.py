"""Agents whose model calls all begin with the bytes of the call before; skipped where langchain is not installed."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("langchain", reason="langchain is not installed")

from langchain.agents import create_agent
from langchain.agents.middleware import ContextEditingMiddleware, SummarizationMiddleware
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.load import dumps
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.messages.utils import convert_to_openai_messages
from langchain_core.tools import StructuredTool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.store.memory import InMemoryStore
from pydantic import PrivateAttr

from ctxprune import as_counter
from ctxprune.errors import StoreError, UsageError
from ctxprune.integrations.langchain import (
    MessagePruner,
    PruneToolResults,
    PruningMiddleware,
    StableMessagePruner,
    ToolSelectionMiddleware,
    ToolSelector,
)
from ctxprune.integrations.langchain.conversation import read_owner
from ctxprune.integrations.recall import LangGraphStore, MemoryStore, StoredText, StoreLimits

from .test_stable import FACTS, ITEMS, LONG, TOPICS

PRUNER = MessagePruner(limit=100, scorer="lexical.v1")
TURNS = 20


class Scripted(GenericFakeChatModel):
    """Answers by a script; keeps the bytes of what it was sent and the names that it was offered."""

    _sent: list[list[str]] = PrivateAttr(default_factory=list)
    _offered: list[list[str]] = PrivateAttr(default_factory=list)

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        self._offered.append([tool.name for tool in tools])
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> Any:
        self._sent.append([json.dumps(convert_to_openai_messages(message)) for message in messages])
        # The provider's copy would be made anew; ids and metadata are not sent.
        assert all(dumps(message) for message in messages)
        return super()._generate(messages, *args, **kwargs)


def search(word: str) -> Any:
    """Look something up."""
    return {"list": ITEMS, "image": [{"type": "text", "text": LONG}, {"type": "image", "url": "x"}]}.get(word, LONG)


async def asearch(word: str) -> Any:
    return search(word)


TOOLS = [StructuredTool.from_function(search, asearch), *(
    StructuredTool.from_function(search, asearch, name=f"{verb}_{topic}", description=f"Can {verb} the {topic}.")
    for topic in TOPICS for verb in ("open", "close")
)]  # fmt: skip


def calls(*words: str, turn: int) -> AIMessage:
    made = [{"name": "search", "args": {"word": word}, "id": f"{turn}-{i}"} for i, word in enumerate(words)]
    return AIMessage("", tool_calls=made)


def script() -> Iterator[AIMessage]:
    """Every turn two rounds of calls, parallel ones in the first, then an answer."""
    for turn in range(TURNS):
        yield calls("map", "list", "image"[: 5 * (turn % 2)] or "map", turn=turn)
        yield calls("price", turn=turn + 1_000)
        yield AIMessage(f"Answer {turn}. " + "It is so. " * 60)


def question(turn: int) -> HumanMessage:
    return HumanMessage(f"Tell me about the {TOPICS[turn % len(TOPICS)]}.")


def run_turns(build: Any, threads: tuple[str, ...] = ("one",), *, asynchronous: bool = False) -> list[Scripted]:
    """Conversations side by side, in which `build` makes the middleware of a new agent for each turn."""
    saver = InMemorySaver()
    models = [Scripted(messages=script()) for _ in threads]
    for turn in range(TURNS):
        for thread, model in zip(threads, models, strict=True):
            agent = create_agent(model, TOOLS, middleware=build(), checkpointer=saver, system_prompt="Be brief.")
            config: Any = {"configurable": {"thread_id": thread}}
            inputs: Any = {"messages": [question(turn)]}
            if asynchronous:
                asyncio.run(agent.ainvoke(inputs, config))
            else:
                agent.invoke(inputs, config)
    return models


@pytest.fixture(scope="module")
def expected() -> list[list[str]]:
    """What the model is sent in each call if one middleware serves all turns."""
    middleware = [PruningMiddleware(PRUNER)]
    return run_turns(lambda: middleware)[0]._sent


def assert_stable(model: Scripted, count: int = 3 * TURNS) -> None:
    assert len(model._sent) == count
    for before, after in itertools.pairwise(model._sent):
        assert after[: len(before)] == before
    for before, after in itertools.pairwise(model._offered):
        assert after[: len(before)] == before


def test_the_prefix_is_the_same_in_twenty_turns(expected: list[list[str]]) -> None:
    assert len(expected) == 3 * TURNS
    assert all(after[: len(before)] == before for before, after in itertools.pairwise(expected))
    last = [json.loads(message) for message in expected[-1]]
    cut = [message for message in last if message["role"] == "tool"]
    assert len(cut) == 4 * TURNS
    assert sum("recall id" in json.dumps(message) for message in cut) == len(cut)


def test_a_restart_before_each_turn_changes_nothing(expected: list[list[str]]) -> None:
    for model in run_turns(lambda: [PruningMiddleware(PRUNER)], ("one", "two")):
        assert model._sent == expected


def test_async_runs_with_another_store_send_the_same(expected: list[list[str]]) -> None:
    store = LangGraphStore(InMemoryStore())
    for model in run_turns(lambda: [PruningMiddleware(PRUNER, store=store)], asynchronous=True):
        assert model._sent == expected


@pytest.mark.parametrize("recall", ["append", "off"])
def test_without_the_tool(recall: Any) -> None:
    for model in run_turns(lambda: [PruningMiddleware(PRUNER, recall=recall)]):
        assert_stable(model)
        assert all("recall" not in offered for offered in model._offered)


def test_offered_tools_only_grow() -> None:
    selector = ToolSelector(least=1, most=2, scorer="lexical.v1")
    (model,) = run_turns(lambda: [PruningMiddleware(PRUNER), ToolSelectionMiddleware(selector)])
    assert_stable(model)
    assert all({"recall", "search"} <= set(offered) or turn < 1 for turn, offered in enumerate(model._offered))
    assert len(model._offered[0]) < len(model._offered[-1]) <= len(TOOLS) + 1
    assert len(model._offered[-1]) == len(set(model._offered[-1]))


def test_without_stability_the_prefix_changes() -> None:
    (model,) = run_turns(lambda: [PruningMiddleware(PRUNER, stable=False)])
    assert any(after[: len(before)] != before for before, after in itertools.pairwise(model._sent))
    assert all(offered == [tool.name for tool in TOOLS] for offered in model._offered)
    assert "left out" not in json.dumps(model._sent)


def test_langchains_own_middleware_with_the_edit() -> None:
    for model in run_turns(lambda: [ContextEditingMiddleware(edits=[PruneToolResults(
        2_000, StableMessagePruner(PRUNER, recall="off"))])]):  # fmt: skip
        assert_stable(model)
        assert "left out]" in model._sent[-1][-1] + model._sent[-1][-2]


def recalling(*replies: AIMessage) -> tuple[Scripted, list[BaseMessage], dict[str, Any]]:
    """An agent that searched for the bridge and is now asked about the tram."""
    model = Scripted(messages=iter([calls("map", turn=0), AIMessage("1900 crowns."), *replies, AIMessage("Done.")]))
    agent = create_agent(model, TOOLS, middleware=[PruningMiddleware(PRUNER)], checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "one"}}
    agent.invoke({"messages": [question(0)]}, config)
    state = agent.invoke({"messages": [question(4)]}, config)
    return model, state["messages"], config


def recall_call(**args: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": "recall", "args": args, "id": "r"}])


def id_in(text: str) -> str:
    return text.rpartition("recall id ")[2][:12]


def test_the_agent_recalls_what_an_earlier_question_did_not_need() -> None:
    messages = [question(0), calls("map", turn=0), ToolMessage(LONG, tool_call_id="0-0")]
    shown = StableMessagePruner(PRUNER).prune(messages)
    id_ = id_in(shown[2].content)
    for args in ({"id": id_}, {}, {"id": ""}):
        model, messages, _ = recalling(recall_call(query="What did the tram cost?", **args))
        reply = messages[-2]
        assert isinstance(reply, ToolMessage)
        assert (reply.name, reply.status) == ("recall", "success")
        assert FACTS[4] in reply.content
        assert as_counter().count(str(reply.content)) <= 100
        assert id_ in model._sent[-1][2]
        assert FACTS[4] not in model._sent[-1][2]
        assert json.loads(model._sent[-1][-1])["content"] == reply.content
        assert_stable(model, 4)


def test_what_cannot_be_recalled_is_told_in_a_sentence() -> None:
    words = []
    unknown = [{"query": "tram", "id": id_} for id_ in ("000000000000", "no such")]
    for args in (*unknown, {"query": " "}, {"id": "x"}):
        _, messages, _ = recalling(recall_call(**args))
        assert (messages[-2].name, messages[-2].status) == ("recall", "error")
        words.append(str(messages[-2].content))
    assert words[0] == words[1]
    assert all(word.startswith("Nothing recalled: ") for word in words)


def test_what_was_summarised_away_is_recalled_and_cuts_stay() -> None:
    answers = [calls("map", turn=0), calls("map", turn=1), AIMessage("1900 crowns.")]
    answers += [recall_call(query="What did the tram cost?"), AIMessage("1928 crowns.")]
    model = Scripted(messages=iter(answers))
    summary = FakeListChatModel(responses=["A summary of the talk about tunnels."])
    store: MemoryStore[Any] = MemoryStore()
    saver = InMemorySaver()
    config: Any = {"configurable": {"thread_id": "one"}}

    def agent(*more: Any) -> Any:
        middleware = [*more, PruningMiddleware(PRUNER, store=store)]
        return create_agent(model, TOOLS, middleware=middleware, checkpointer=saver)

    agent().invoke({"messages": [question(0)]}, config)
    before = [message for message in model._sent[-1] if '"tool_call_id": "1-0"' in message]
    shorten = SummarizationMiddleware(summary, trigger=("messages", 2), keep=("messages", 3))
    state = agent(shorten).invoke({"messages": [question(4)]}, config)
    assert "A summary" in str(state["messages"][0].content)
    after = [message for message in model._sent[3] if '"tool_call_id": "1-0"' in message]
    assert len(before) == 1
    assert after == before
    assert not any('"tool_call_id": "0-0"' in message for message in model._sent[3])
    (reply,) = [message for message in state["messages"] if message.name == "recall"]
    assert FACTS[4] in reply.content


def own_tool(name: str = "recall") -> StructuredTool:
    def recall(query: str) -> str:
        return f"Own answer about {query}. {LONG}"

    return StructuredTool.from_function(recall, name=name, description="Recalls a car to its maker.")


@pytest.mark.parametrize("others", [[], TOOLS])
def test_a_tool_of_that_name_is_refused_with_what_to_do(others: list[Any]) -> None:
    model = Scripted(messages=iter([recall_call(query="tram"), AIMessage("Done.")]))
    agent = create_agent(model, [*others, own_tool()], middleware=[PruningMiddleware(PRUNER)])
    with pytest.raises(UsageError, match=r"'recall' of its own: .*tool_name"):
        agent.invoke({"messages": [question(0)]})
    with pytest.raises(UsageError, match="tool_name"):
        asyncio.run(agent.ainvoke({"messages": [question(0)]}))
    assert model._sent == []


@pytest.mark.parametrize(
    "options", [{"recall": "off"}, {"recall": "append"}, {"stable": False}, {"tool_name": "find_again"}]
)
def test_an_own_tool_of_that_name_is_one_like_others(options: dict[str, Any]) -> None:
    model = Scripted(messages=iter([recall_call(query="cars"), AIMessage("Done.")]))
    agent = create_agent(model, [own_tool()], middleware=[PruningMiddleware(PRUNER, **options)])
    state = agent.invoke({"messages": [question(0)]})
    assert all("recall" in offered for offered in model._offered)
    assert len(model._offered) == 2
    assert state["messages"][2].content.startswith("Own answer about cars.")
    sent = json.loads(model._sent[-1][-1])["content"]
    assert as_counter().count(sent) <= 100
    assert FACTS[0] in sent


def test_the_tool_has_the_name_that_it_is_given() -> None:
    recall = [{"name": "find_again", "args": {"query": "What did the tram cost?"}, "id": "r"}]
    answers = [calls("map", turn=0), AIMessage("1900 crowns."), AIMessage("", tool_calls=recall), AIMessage("Done.")]
    model = Scripted(messages=iter(answers))
    middleware = [PruningMiddleware(PRUNER, tool_name="find_again"), ToolSelectionMiddleware(ToolSelector(least=1))]
    agent = create_agent(model, [*TOOLS, own_tool()], middleware=middleware, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "one"}}
    agent.invoke({"messages": [question(0)]}, config)
    state = agent.invoke({"messages": [question(4)]}, config)
    assert all("find_again" in offered for offered in model._offered)
    assert FACTS[4] in state["messages"][-2].content
    assert json.loads(model._sent[-1][-1])["content"] == state["messages"][-2].content


def test_the_only_tool_stays_while_the_store_holds_something_for_it() -> None:
    middleware = PruningMiddleware(MessagePruner(limit=100, scorer="lexical.v1", kinds=("ai",)), store=MemoryStore())
    model = Scripted(messages=iter([AIMessage("Done.") for _ in range(4)]))
    agent = create_agent(model, [], middleware=[middleware])

    def offered(thread: str, *messages: BaseMessage) -> list[list[str]]:
        model._offered.clear()
        agent.invoke({"messages": list(messages)}, {"configurable": {"thread_id": thread}})
        return list(model._offered)

    assert offered("one", question(0)) == []
    assert offered("one", question(0), AIMessage(LONG, id="a"), question(4)) == [["recall"]]
    assert offered("one", HumanMessage("Summary: the bridge."), question(4)) == [["recall"]]
    assert offered("two", HumanMessage("Summary: the bridge."), question(4)) == []


def test_a_store_that_is_down_goes_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Down(MemoryStore[Any]):
        def items(self, owner: Any) -> Any:
            raise StoreError("no connection", where="redis://10.0.0.7/0")

    model = Scripted(messages=iter([recall_call(query="tram"), AIMessage("Done.")]))
    agent = create_agent(model, TOOLS, middleware=[PruningMiddleware(PRUNER, store=Down())])
    state = agent.invoke({"messages": [question(0)]}, {"configurable": {"thread_id": "one"}})
    told = "Nothing recalled: what was left out cannot be read right now: try again later (CP007)"
    assert (state["messages"][-2].status, state["messages"][-2].content) == ("error", told)
    assert "10.0.0.7" in caplog.text


def test_threads_and_namespaces_are_apart() -> None:
    store: MemoryStore[Any] = MemoryStore()

    def ask(user: str, thread: str, turn: int, *answers: AIMessage) -> tuple[Scripted, list[BaseMessage]]:
        model = Scripted(messages=iter(answers))
        middleware = PruningMiddleware(PRUNER, store=store, namespace=lambda config: config["configurable"]["user"])
        agent = create_agent(model, TOOLS, middleware=[middleware])
        config: Any = {"configurable": {"thread_id": thread, "user": user}}
        return model, agent.invoke({"messages": [question(turn)]}, config)["messages"]

    _, messages = ask("ann", "1", 0, calls("map", turn=0), AIMessage("1900 crowns."))
    id_ = StableMessagePruner(PRUNER).prune(messages)[2].response_metadata["ctxprune"]["id"]
    recall = recall_call(query="What did the tram cost?", id=id_)
    replies = {}
    for user, thread in (("ann", "1"), ("ann", "2"), ("bob", "1"), ("1", "ann")):
        _, messages = ask(user, thread, 4, recall, AIMessage("Done."))
        replies[user, thread] = messages[-2]
    assert FACTS[4] in replies.pop(("ann", "1")).content
    assert {reply.status for reply in replies.values()} == {"error"}
    assert len({str(reply.content) for reply in replies.values()}) == 1


@pytest.mark.parametrize("user", [None, "", 7, b"ann"])
def test_a_namespace_that_is_no_text_is_refused(user: Any) -> None:
    middleware = PruningMiddleware(PRUNER, namespace=lambda config: config["configurable"].get("user"))
    agent = create_agent(Scripted(messages=iter([AIMessage("Hello.")])), TOOLS, middleware=[middleware])
    with pytest.raises(UsageError, match="namespace of a run"):
        agent.invoke({"messages": [question(0)]}, {"configurable": {"thread_id": "1", "user": user}})
    for wrong in (7, None, b"ann"):
        with pytest.raises(UsageError, match="namespace is a"):
            PruningMiddleware(PRUNER, namespace=wrong)  # type: ignore[arg-type]


def test_a_thread_takes_no_room_of_a_namespace_of_its_name() -> None:
    store: MemoryStore[Any] = MemoryStore(StoreLimits(account_items=3))
    named = read_owner({"configurable": {"thread_id": "1"}}, lambda _: "ann")
    other = read_owner({"configurable": {"thread_id": "1"}}, "ann")
    assert named == other
    assert named is not None
    key = store.put(named, StoredText("x", "text"))
    for thread in ("ann", "namespace:ann", "1"):
        unnamed = read_owner({"configurable": {"thread_id": thread}})
        assert unnamed is not None
        for _ in range(4):
            store.put(unnamed, StoredText("y", "text"))
    assert store.find(named, key)


def test_each_decision_is_asked_of_the_store_once() -> None:
    class Counting(MemoryStore[Any]):
        finds = 0

        def find(self, owner: Any, key: str) -> Any:
            self.finds += 1
            return super().find(owner, key)

    store = Counting()
    middleware = [PruningMiddleware(PRUNER, store=store)]
    (model,) = run_turns(lambda: middleware)
    assert store.finds == 2 * 4 * TURNS  # before and after each result was cut
    assert_stable(model)


def test_a_model_without_tools_needs_none() -> None:
    model = FakeListChatModel(responses=["Hello."])
    state = create_agent(model, [], middleware=[PruningMiddleware(PRUNER)]).invoke({"messages": [question(0)]})
    assert state["messages"][-1].content == "Hello."


def test_wrong_arguments_are_told() -> None:
    for wrong in ({"store": MemoryStore()}, {"recall": "off"}, {"namespace": "x"}, {"tool_name": "x"}):
        with pytest.raises(UsageError, match="stable"):
            PruningMiddleware(PRUNER, stable=False, **wrong)
    for name, wrong in (("stable", {"stable": 1}), ("recall", {"recall": "x"}), ("tool_name", {"tool_name": "a b"})):
        with pytest.raises(UsageError, match=name):
            PruningMiddleware(PRUNER, **wrong)
