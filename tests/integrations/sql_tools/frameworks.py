"""The tools of a pipeline as each framework has them, called in one way; a framework that is absent is skipped."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import pytest

from ctxprune.sql import Pipeline

__all__ = ["FRAMEWORKS", "Called", "Framework"]


@dataclass(frozen=True)
class Called:
    """What came back.

    Attributes:
        text: What the model reads.
        failed: Whether the framework calls it an error.
    """

    text: str
    failed: bool

    @property
    def content(self) -> dict[str, Any]:
        assert not self.failed, self.text
        return json.loads(self.text)


class Framework(ABC):
    """The tools on a pipeline.

    Attributes:
        tools: By name.
    """

    def __init__(self, pipeline: Pipeline, **options: Any) -> None:
        self.tools = {self.describe(tool)[0]: tool for tool in self.make(pipeline, options)}

    @abstractmethod
    def make(self, pipeline: Pipeline, options: dict[str, Any]) -> list[Any]: ...

    @abstractmethod
    def describe(self, tool: Any) -> tuple[str, str, dict[str, Any]]:
        """Name, description, JSON schema of the arguments."""

    @abstractmethod
    def call(self, name: str, arguments: dict[str, Any]) -> Called: ...

    @abstractmethod
    async def acall(self, name: str, arguments: dict[str, Any]) -> Called: ...


class Toolbox(Framework):
    def make(self, pipeline: Pipeline, options: dict[str, Any]) -> list[Any]:
        pytest.importorskip("pydantic")
        from ctxprune.integrations.sql_tools import SqlToolbox
        from ctxprune.integrations.sql_tools.toolbox import TOOLS

        self.box = SqlToolbox(pipeline, **options)
        return [*TOOLS]

    def describe(self, tool: str) -> tuple[str, str, dict[str, Any]]:
        from ctxprune.integrations.sql_tools.arguments import json_schema_of
        from ctxprune.integrations.sql_tools.toolbox import TOOLS

        return self.box.full_name(tool), self.box.describe(tool), json_schema_of(TOOLS[tool].arguments)

    def call(self, name: str, arguments: dict[str, Any]) -> Called:
        reply = self.box.call(name, arguments)
        return Called(reply.text, reply.error is not None)

    async def acall(self, name: str, arguments: dict[str, Any]) -> Called:
        reply = await self.box.acall(name, arguments)
        return Called(reply.text, reply.error is not None)


class LangChain(Framework):
    def make(self, pipeline: Pipeline, options: dict[str, Any]) -> list[Any]:
        pytest.importorskip("langchain_core", reason="langchain-core is not installed")
        from ctxprune.integrations.langchain import SQLToolkit

        return SQLToolkit(pipeline=pipeline, **options).get_tools()

    def describe(self, tool: Any) -> tuple[str, str, dict[str, Any]]:
        return tool.name, tool.description, tool.tool_call_schema.model_json_schema()

    def call(self, name: str, arguments: dict[str, Any]) -> Called:
        return self.read(self.tools[name].invoke(self.write(name, arguments)))

    async def acall(self, name: str, arguments: dict[str, Any]) -> Called:
        return self.read(await self.tools[name].ainvoke(self.write(name, arguments)))

    def write(self, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, "args": arguments, "id": "7", "type": "tool_call"}

    def read(self, message: Any) -> Called:
        assert message.tool_call_id == "7"
        assert (message.artifact is None) == (message.status == "error")
        return Called(message.content, message.status == "error")


class LlamaIndex(Framework):
    def make(self, pipeline: Pipeline, options: dict[str, Any]) -> list[Any]:
        pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")
        from ctxprune.integrations.llama_index import SQLToolSpec

        return SQLToolSpec(pipeline, **options).to_tool_list()

    def describe(self, tool: Any) -> tuple[str, str, dict[str, Any]]:
        return tool.metadata.name, tool.metadata.description, tool.metadata.get_parameters_dict()

    def call(self, name: str, arguments: dict[str, Any]) -> Called:
        from llama_index.core.tools.calling import call_tool

        return self.read(call_tool(self.tools[name], arguments))

    async def acall(self, name: str, arguments: dict[str, Any]) -> Called:
        from llama_index.core.tools.calling import acall_tool

        return self.read(await acall_tool(self.tools[name], arguments))

    def read(self, output: Any) -> Called:
        return Called(output.content, output.is_error)


class Haystack(Framework):
    def make(self, pipeline: Pipeline, options: dict[str, Any]) -> list[Any]:
        pytest.importorskip("haystack", reason="haystack-ai is not installed")
        from ctxprune.integrations.haystack import sql_tools

        return sql_tools(pipeline, **options)

    def describe(self, tool: Any) -> tuple[str, str, dict[str, Any]]:
        return tool.tool_spec["name"], tool.tool_spec["description"], tool.tool_spec["parameters"]

    def call(self, name: str, arguments: dict[str, Any]) -> Called:
        from haystack.tools.errors import ToolInvocationError

        try:
            return Called(self.tools[name].invoke(**arguments), False)
        except ToolInvocationError as error:
            return Called(str(error), True)

    async def acall(self, name: str, arguments: dict[str, Any]) -> Called:
        from haystack.tools.errors import ToolInvocationError

        try:
            return Called(await self.tools[name].invoke_async(**arguments), False)
        except ToolInvocationError as error:
            return Called(str(error), True)


FRAMEWORKS = {"haystack": Haystack, "langchain": LangChain, "llama-index": LlamaIndex, "toolbox": Toolbox}
"""By name."""
