"""Choosing tools by the question."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool

from ctxprune import TopK
from ctxprune.errors import UsageError
from ctxprune.integrations.langchain import ToolSelector
from ctxprune.integrations.langchain.tools import RECALL_METADATA

ABOUT = {
    "get_weather": "Weather forecast for a city.",
    "send_mail": "Sends an electronic letter to a person.",
    "book_flight": "Books a flight between two airports.",
    "convert_currency": "Converts an amount of money from one currency into another.",
    "translate_text": "Translates a text into another language.",
    "find_recipe": "Finds a recipe for a dish.",
    "stock_price": "Price of a share on the stock exchange.",
    "read_calendar": "Lists the appointments of a day.",
}


def made(name: str) -> StructuredTool:
    def function(city: str) -> str:
        return city

    return StructuredTool.from_function(function, name=name, description=ABOUT[name])


TOOLS = [made(name) for name in ABOUT]
SEARCH = {"type": "web_search"}
FUNCTION = {
    "type": "function",
    "function": {"name": "pay", "description": "Pays a bill.", "parameters": {"type": "object"}},
}


def names(tools: list[Any]) -> list[str]:
    return [tool["type"] if isinstance(tool, dict) else tool.name for tool in tools]


def test_the_tool_that_is_needed_stays_and_the_order_too() -> None:
    selector = ToolSelector(least=2, most=3)
    for question, wanted in (
        ("How will the weather be in Paris tomorrow?", "get_weather"),
        ("What is 20 euros in dollars, in which currency is it more money?", "convert_currency"),
        ("Which appointments do I have today?", "read_calendar"),
    ):
        found = names(selector.select(question, TOOLS))
        assert wanted in found
        assert 2 <= len(found) <= 3
        assert found == [name for name in ABOUT if name in found]


def test_some_tools_are_always_kept() -> None:
    selector = ToolSelector(least=1, most=1, always=["send_mail"], scorer="lexical.v1")
    question = "Weather in Paris?"
    assert names(selector.select(question, [*TOOLS, SEARCH])) == ["get_weather", "send_mail", "web_search"]
    used = [HumanMessage(question), AIMessage("", tool_calls=[{"name": "find_recipe", "args": {}, "id": "1"}])]
    assert names(selector.select_for(used, TOOLS)) == ["get_weather", "send_mail", "find_recipe"]
    forced = {"type": "function", "function": {"name": "stock_price"}}
    for choice in ("stock_price", forced, {"type": "tool", "name": "stock_price"}):
        found = names(selector.select_for([HumanMessage(question)], TOOLS, choice))
        assert found == ["get_weather", "send_mail", "stock_price"]
    assert asyncio.run(selector.aselect_for(used, TOOLS)) == selector.select_for(used, TOOLS)


def test_few_tools_and_no_question_change_nothing() -> None:
    assert ToolSelector().select("Weather?", TOOLS[:5]) == TOOLS[:5]
    assert ToolSelector().select(" ", TOOLS) == TOOLS
    assert ToolSelector().select_for([], TOOLS) == TOOLS
    assert ToolSelector().select("q", []) == []


def test_at_least_so_many_are_kept_whatever_the_policy_says() -> None:
    selector = ToolSelector(least=4, policy=TopK(1), scorer="lexical.v1")
    found = names(selector.select("Weather?", TOOLS))
    assert len(found) == 4
    assert "get_weather" in found


def test_objects_and_dicts_stand_side_by_side() -> None:
    tools = [*TOOLS, FUNCTION, SEARCH]
    found = ToolSelector(least=1, most=1, scorer="lexical.v1").select("How will the weather be?", tools)
    assert found == [TOOLS[0], SEARCH]
    with pytest.raises(UsageError, match="a tool is a str"):
        ToolSelector().select("q", ["get_weather"])


@pytest.mark.parametrize("wrong", [{"least": 0}, {"least": True}, {"most": 2}, {"most": 9.5}, {"always": "a"}])
def test_wrong_arguments_are_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        ToolSelector(**wrong)


QUESTIONS = ["How will the weather be in Paris?", "What is 20 euros in dollars?", "Thanks!", "Appointments today?"]


def call(name: str) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": {}, "id": "1"}])


def test_a_stable_list_only_grows_and_depends_on_what_came_before_alone() -> None:
    messages: list[Any] = []
    sent: list[str] = []
    lasting = ToolSelector(least=1, most=2)
    for number, question in enumerate(QUESTIONS * 2):
        used = "send_mail" if number == 1 else "get_weather"
        messages += [HumanMessage(question)]
        for more in (None, call(used), ToolMessage("", tool_call_id="1")):
            messages += [more] if more else []
            found = names(lasting.select_for(messages, TOOLS, stable=True))
            assert found == names(ToolSelector(least=1, most=2).select_for(messages, TOOLS, stable=True))
            assert found[: len(sent)] == sent
            assert len(set(found)) == len(found)
            sent = found
    assert {"get_weather", "convert_currency", "read_calendar", "send_mail"} <= set(sent)
    assert len(sent) < len(TOOLS)
    assert names(asyncio.run(lasting.aselect_for(messages, TOOLS, stable=True))) == sent


def test_a_stable_list_keeps_what_is_always_needed() -> None:
    recall = StructuredTool.from_function(
        lambda query: query, name="find_again", description="Find what was left out.", metadata=dict(RECALL_METADATA)
    )
    own = StructuredTool.from_function(lambda query: query, name="recall", description="Recalls a car to its maker.")
    tools = [*TOOLS, SEARCH, FUNCTION, recall, own]
    selector = ToolSelector(least=1, most=1, always=["send_mail"])
    for stable in (False, True):
        found = names(selector.select_for([HumanMessage(QUESTIONS[0])], tools, "pay", stable=stable))
        assert {"get_weather", "send_mail", "web_search", "find_again"} <= set(found)
        assert len(found) == 5
    # Without a question all are offered, and then stay.
    assert selector.select_for([], tools, stable=True) == tools
    messages = [call("recall"), ToolMessage("", tool_call_id="1"), HumanMessage("Hi")]
    assert sorted(names(selector.select_for(messages, tools, stable=True))) == sorted(names(tools))
    assert selector.select_for([HumanMessage([{"type": "image", "url": "x"}])], tools, stable=True) == tools
