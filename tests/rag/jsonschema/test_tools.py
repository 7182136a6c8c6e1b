"""Tool definitions as units, in the shapes of those who take them."""

from __future__ import annotations

import copy
import json
from types import SimpleNamespace
from typing import Any

import pytest

from ctxprune import Threshold, TokenBudget, TopK, prune
from ctxprune.errors import InputError, UsageError
from ctxprune.rag import ToolOptions, Tools

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "day": {"type": "string", "description": "The day asked for."},
        "unit": {"enum": ["celsius", "fahrenheit", "kelvin", "rankine"], "default": "celsius"},
    },
    "required": ["city"],
    "additionalProperties": False,
}
BILL = {"type": "object", "properties": {"bill_number": {"type": "integer"}}, "required": ["bill_number"]}
SAID = {
    "get_weather": "Forecast for a city. It covers ten days. Snow depth is given for mountains.",
    "payBill": "Pays.",
}


def shelf(shape: str) -> list[dict[str, Any]]:
    """The two tools in the shape of a provider."""
    parts = [("get_weather", WEATHER), ("payBill", BILL)]
    if shape == "openai":
        return [
            {"type": "function", "function": {"name": n, "description": SAID[n], "parameters": s}} for n, s in parts
        ]
    if shape == "responses":
        return [{"type": "function", "name": n, "description": SAID[n], "parameters": s} for n, s in parts]
    if shape == "titled":
        return [{"title": n, "description": SAID[n], **s} for n, s in parts]
    key = {"anthropic": "input_schema", "mcp": "inputSchema"}[shape]
    return [{"name": n, "description": SAID[n], key: s, "annotations": {"readOnlyHint": True}} for n, s in parts]


SHAPES = ("openai", "responses", "titled", "anthropic", "mcp")


def arguments(tool: dict[str, Any]) -> dict[str, Any]:
    inner = tool.get("function", tool)
    found = next((inner[key] for key in ("parameters", "input_schema", "inputSchema") if key in inner), inner)
    return found["properties"]


@pytest.mark.parametrize("shape", SHAPES)
def test_whole_tools_in_the_shape_that_came_in(shape: str) -> None:
    tools = shelf(shape)
    context = Tools(tools)
    assert [unit.text for unit in context.units] == [
        f"get weather: {SAID['get_weather']} (city, day, unit)",
        "pay bill: Pays. (bill number)",
    ]
    assert context.names == ("get_weather", "payBill")
    assert context.render([1]) == [tools[1]]
    assert context.render([1])[0] is tools[1]
    found = prune("How will the weather be tomorrow?", context, scorer="lexical.v1", policy=TopK(1))
    assert found.output == [tools[0]]
    assert 0 < found.tokens_after < found.tokens_before
    assert found.note == "(1 of 2 tools left out: payBill)"


@pytest.mark.parametrize("shape", SHAPES)
def test_parameters_that_are_not_required_may_go(shape: str) -> None:
    tools = shelf(shape)
    before = copy.deepcopy(tools)
    context = Tools(tools, options=ToolOptions(parameters=True))
    assert context.names == ("get_weather", "city", "day", "unit", "payBill", "bill_number")
    assert context.sources == (0, 0, 0, 0, 1, 1)
    assert [unit.parent for unit in context.units] == [None, 0, 0, 0, None, 4]
    assert context.units[0].requires == (1,)
    left = context.render([0, 1, 2])
    assert tools == before
    assert [list(arguments(tool)) for tool in left] == [["city", "day"]]
    arguments(before[0]).pop("unit")
    assert left == before[:1]  # all else as it was
    assert context.render(range(6)) == tools
    assert (context.omission_note([0, 1]), context.omission_note([0, 4])) == ("(1 of 2 tools left out: payBill)", "")


def test_the_result_of_a_server_and_texts_come_back_as_they_were() -> None:
    result = {"tools": shelf("mcp"), "nextCursor": "x"}
    answer = {"jsonrpc": "2.0", "id": 1, "result": result}
    assert Tools(result).render([0]) == {"tools": shelf("mcp")[:1], "nextCursor": "x"}
    assert Tools(answer).render([1])["result"]["tools"] == shelf("mcp")[1:]
    text = json.dumps(answer, indent=1)
    assert Tools(text).render([0, 1]) == text
    assert json.loads(Tools(text).render([1])) == Tools(answer).render([1])
    whole = prune("weather", Tools(text), scorer="lexical.v1", policy=TopK(2)).tokens_before
    budget = prune("weather", Tools(text), scorer="lexical.v1", policy=TokenBudget(whole - 20))
    assert budget.tokens_after < whole
    assert [tool["name"] for tool in json.loads(budget.output)["result"]["tools"]] == ["get_weather"]


def test_objects_come_back_as_they_are() -> None:
    langchain = SimpleNamespace(name="get_weather", description="Forecast.", args={"city": {"type": "string"}})
    server = SimpleNamespace(name="payBill", description=None, inputSchema=BILL)
    context = Tools((langchain, server), options=ToolOptions(parameters=True))
    assert [unit.text for unit in context.units] == ["get weather: Forecast. (city)", "pay bill (bill number)"]
    assert context.render([1]) == [server]
    assert "bill_number" in context.to_text([1])


def test_what_a_provider_runs_and_what_was_used_stays() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
    options = ToolOptions(parameters=True)
    calls: list[Any] = [
        {"name": "get_weather", "args": {"city": "Rome", "day": "Monday"}},
        {"function": {"name": "get_weather", "arguments": '{"day": "Monday"}'}},
        {"type": "tool_use", "name": "get_weather", "input": {"day": "Monday"}},
        {"name": "get_weather", "arguments": {"day": "Monday"}},
    ]
    for call in calls:
        context = Tools([*shelf("openai"), search], used=[call], options=options)
        pinned = [name for name, unit in zip(context.names, context.units, strict=True) if unit.pinned]
        assert pinned in (["get_weather", "city", "day", ""], ["get_weather", "day", ""])
    for call in ("payBill", {"name": "payBill", "arguments": "{no JSON"}):
        context = Tools([*shelf("openai"), search], used=[call])
        assert [unit.pinned for unit in context.units] == [False, True, True]
    assert [unit.pinned for unit in Tools(shelf("mcp"), pinned=["payBill"]).units] == [False, True]


def test_strict_mode_stays_strict() -> None:
    """Everything is required there; what may be null counts as optional and leaves `required`, too."""
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "day": {"type": ["string", "null"]}, "zone": {"type": "string"}},
        "required": ["city", "day", "zone"],
        "additionalProperties": False,
    }
    tool = {"type": "function", "function": {"name": "weather", "strict": True, "parameters": schema}}
    left = Tools([tool], options=ToolOptions(parameters=True)).render([0, 1, 3])[0]
    assert left["function"]["strict"] is True
    parameters = left["function"]["parameters"]
    assert list(parameters["properties"]) == parameters["required"] == ["city", "zone"]
    assert parameters["additionalProperties"] is False
    loose = {"type": "function", "function": {"name": "weather", "parameters": schema}}
    assert Tools([loose], options=ToolOptions(parameters=True)).units[0].requires == (1, 2, 3)


def test_long_descriptions_and_lists_may_be_cut() -> None:
    options = ToolOptions(parameters=True, sentences=True, values=3)
    context = Tools(shelf("anthropic"), options=options)
    assert [unit.text for unit in context.units][:4] == [
        "get weather: Forecast for a city.", "It covers ten days.", "Snow depth is given for mountains.", "city",
    ]  # fmt: skip
    found = prune("snow depth in mountains, in kelvin", context, scorer="lexical.v1", policy=Threshold(0.1))
    (tool,) = found.output
    assert tool["description"] == "Forecast for a city. … Snow depth is given for mountains."
    assert tool["input_schema"]["properties"] == {
        "city": {"type": "string"},
        "unit": {"enum": ["celsius", "kelvin"], "default": "celsius"},  # the default is always among them
    }
    whole = context.render([0, 3, context.names.index("unit")])[0]["input_schema"]["properties"]["unit"]
    assert whole == WEATHER["properties"]["unit"]  # no value is kept, so that none may go
    only = Tools(shelf("anthropic"), options=ToolOptions(values=3))
    assert only.units[0].requires == (1, 2, 3)
    assert len(only.units) == 9


def test_no_tools() -> None:
    assert Tools([]).units == ()
    assert Tools({"tools": []}).render([]) == {"tools": []}
    assert Tools("[]").render([]) == "[]"


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"source": None}, UsageError),
        ({"source": {"name": "x"}}, UsageError),
        ({"source": [5]}, UsageError),
        ({"source": "5"}, InputError),
        ({"source": "[" * 100_000}, InputError),
        ({"source": [], "used": "x"}, UsageError),
        ({"source": [], "used": [5]}, UsageError),
        ({"source": [], "pinned": "x"}, UsageError),
        ({"source": [], "options": True}, UsageError),
    ],
)
def test_wrong_arguments_are_told(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Tools(**wrong)


@pytest.mark.parametrize("wrong", [{"parameters": 1}, {"sentences": "yes"}, {"values": 0}, {"values": True}])
def test_wrong_options_are_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        ToolOptions(**wrong)


def test_notes_name_the_tool() -> None:
    tool = {"name": "fetch", "input_schema": {"properties": {"a": {"$ref": "https://example.com/a.json"}}}}
    context = Tools([tool], options=ToolOptions(parameters=True))
    assert context.notes == ("fetch: /properties/a: $ref 'https://example.com/a.json' is not followed",)
    assert context.render([0, 1]) == [tool]
