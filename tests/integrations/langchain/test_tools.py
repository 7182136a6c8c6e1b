"""Choosing tools by the question."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("langchain_core")

from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import StructuredTool

from ctxprune import TopK
from ctxprune.errors import UsageError
from ctxprune.integrations.langchain import ToolSelector

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
