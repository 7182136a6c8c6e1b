"""Tool definitions and tool calls in the shapes of OpenAI, Anthropic, MCP and LangChain."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError, UsageError
from ctxprune.utils.foreign import foreign_attribute

from .json_values import read_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .json_values import Style

__all__ = ["ToolForm", "ToolList", "read_call", "read_tool", "read_tool_list"]

_SCHEMAS = ("parameters", "input_schema", "inputSchema")


@dataclass(frozen=True, slots=True)
class ToolForm:
    """Name, description and schema of a tool, whatever its shape.

    Attributes:
        tool: The tool itself.
        name: "" for a tool run by its provider, such as a search, which has neither description nor parameters.
        description: "" without one.
        schema: JSON schema of its arguments; {} without one.
        strict: Whether every parameter must be listed as required (OpenAI's strict mode).
    """

    tool: Any
    name: str
    description: str
    schema: dict[str, Any]
    strict: bool = False

    def with_parts(self, description: str, schema: dict[str, Any]) -> Any:
        """The tool with another description and schema, in its shape; a tool that is an object unchanged."""
        if not isinstance(self.tool, dict):
            return self.tool
        inner = self.tool.get("function")
        function = inner if isinstance(inner, dict) else self.tool
        made = dict(function)
        for key in _SCHEMAS:
            if key in made:
                made[key] = schema
                break
        else:
            if not isinstance(function.get("name"), str):
                made = dict(schema)
        if "description" in made:
            made["description"] = description
        return {**self.tool, "function": made} if function is not self.tool else made

    def as_json(self) -> Any:
        """The tool as a JSON value; of an object its name, description and schema."""
        if isinstance(self.tool, dict):
            return self.tool
        return {"name": self.name, "description": self.description, "parameters": self.schema}


def read_tool(tool: Any) -> ToolForm:
    """Read a tool.

    Raises:
        UsageError: It is neither a dict nor an object with a name and a description.
    """
    if isinstance(tool, dict):
        inner = tool.get("function")
        function: dict[str, Any] = inner if isinstance(inner, dict) else tool
        schema = next((function[key] for key in _SCHEMAS if key in function), None)
        name = function.get("name")
        if not isinstance(name, str) and isinstance(tool.get("properties"), dict):  # a schema with a title
            name, schema = tool.get("title"), tool
        if not isinstance(name, str) or not (schema or "description" in function):
            return ToolForm(tool, "", "", {})
        described = function.get("description")
        strict = function.get("strict") is True or tool.get("strict") is True
        text = described if isinstance(described, str) else ""
        return ToolForm(tool, name, text, schema if isinstance(schema, dict) else {}, strict)
    # Tool objects of LangChain and MCP share no base class and need not have every attribute.
    name = foreign_attribute(tool, "name")
    if not isinstance(name, str) or isinstance(tool, type):
        raise UsageError(f"a tool is a {type(tool).__name__}", hint="give LangChain or MCP tools, or dicts")
    schema = foreign_attribute(tool, "inputSchema")  # MCP's; LangChain has `args`
    if not isinstance(schema, dict):
        arguments = foreign_attribute(tool, "args")  # LangChain's
        schema = {"type": "object", "properties": arguments} if isinstance(arguments, dict) else {}
    return ToolForm(tool, name, str(foreign_attribute(tool, "description") or ""), schema)


@dataclass(frozen=True, slots=True)
class ToolList:
    """A list of tools and what it was in: nothing, the result of MCP's tools/list, a JSON text.

    Attributes:
        tools: The list.
        above: The dicts around it, from outside in, each with the key that leads on.
        style: How the text was written; None where there was none.
    """

    tools: Sequence[Any]
    above: tuple[tuple[dict[str, Any], str], ...] = ()
    style: Style | None = None

    def put(self, tools: list[Any]) -> Any:
        """Other tools in their place; a text where it was one."""
        value: Any = tools
        for outer, key in reversed(self.above):
            value = {**outer, key: value}
        return value


def read_tool_list(source: Any) -> ToolList:
    """The tools of a list, of a dict with "tools" (also under "result"), or of a JSON text of these.

    Raises:
        InputError: A text that is no JSON, or holds no tools.
        UsageError: Something else.
    """
    value, style = read_json(source) if isinstance(source, str) else (source, None)
    above: list[tuple[dict[str, Any], str]] = []
    # In this order: a JSON-RPC response of MCP has "tools" inside "result".
    for key in ("result", "tools"):
        if isinstance(value, dict) and isinstance(value.get(key), (dict, list)):
            above.append((value, key))
            value = value[key]
    if not isinstance(value, (list, tuple)):
        wrong = InputError if style is not None else UsageError
        raise wrong(f"the tools are a {type(value).__name__}", hint='give a list of tools, or a dict with "tools"')
    return ToolList(tuple(value), tuple(above), style)


def read_call(call: Any) -> tuple[str, Any]:
    """Name and arguments of a tool call; of a text, which is a name alone, None for the arguments.

    Raises:
        UsageError: It is no call in the shape of LangChain, OpenAI, Anthropic or MCP.
    """
    if isinstance(call, str):
        return call, None
    inner = call.get("function", call) if isinstance(call, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        raise UsageError(f"a call is a {type(call).__name__}", hint="give names of tools, or calls with a name")
    given = next((inner[key] for key in ("args", "arguments", "input") if key in inner), None)
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            given = None  # models write arguments that are no JSON; the name is used all the same
    return inner["name"], given
