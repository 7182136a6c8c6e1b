"""The tools on the database of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llama_index.core.tools.tool_spec.base import BaseToolSpec
from llama_index.core.tools.types import AsyncBaseTool, ToolMetadata, ToolOutput

from ctxprune.errors import UnknownNameError
from ctxprune.integrations.sql_tools.toolbox import DEFAULT_TOKENS, TOOLS, Reply, SqlToolbox

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxprune.sql.pipeline.pipeline import Pipeline

__all__ = ["LlamaIndexSQLTool", "SQLToolSpec"]


class LlamaIndexSQLTool(AsyncBaseTool):
    """One tool of a `SqlToolbox`.

    Args:
        toolbox: Does the work.
        tool: The name that the toolbox has for it.
        metadata: What a model is told of it.
    """

    def __init__(self, toolbox: SqlToolbox, tool: str, metadata: ToolMetadata) -> None:
        self._toolbox, self._tool, self._metadata = toolbox, tool, metadata

    @property
    def metadata(self) -> ToolMetadata:
        """What a model is told of it."""
        return self._metadata

    def call(self, *args: Any, **kwargs: Any) -> ToolOutput:
        """The reply; an error where the tool fails in a way that this library knows."""
        arguments = TOOLS[self._tool].name_arguments(args, kwargs)
        return self._output(arguments, self._toolbox.call(self._tool, arguments))

    async def acall(self, *args: Any, **kwargs: Any) -> ToolOutput:
        """As `call`; cancelling ends the query in the database."""
        arguments = TOOLS[self._tool].name_arguments(args, kwargs)
        return self._output(arguments, await self._toolbox.acall(self._tool, arguments))

    def _output(self, arguments: dict[str, Any], reply: Reply) -> ToolOutput:
        return ToolOutput(
            content=reply.text,
            tool_name=self._metadata.get_name(),
            raw_input=arguments,
            raw_output=reply.data,
            is_error=reply.error is not None,
        )


class SQLToolSpec(BaseToolSpec):
    """Tools by which an agent looks at the database of a pipeline: `link_schema`, `find_values`, `check_sql`, `run_sql`
    and `ask`.

    The model gets JSON within the budget, with a note of what was left out; `raw_output` of the `ToolOutput` is all of
    it (every row, the whole answer). What fails comes back as one sentence with `is_error`.

    Args:
        pipeline: What links, guards, runs and answers; its database stays open as long as the tools are used.
        budget: Tokens of each reply, from 600 up.
        counter: Counts tokens; see `ctxprune.as_counter`.
        prefix: Before the name of each tool, to tell several databases apart.

    Raises:
        UsageError: `pipeline` is none or runs no statements, the budget is out of its range, or `prefix` has characters
            that names of tools cannot have.
    """

    def __init__(
        self, pipeline: Pipeline, *, budget: int = DEFAULT_TOKENS, counter: Any = None, prefix: str = ""
    ) -> None:
        self._toolbox = SqlToolbox(pipeline, budget=budget, counter=counter, prefix=prefix)
        self.spec_functions = [*TOOLS]

    def to_tool_list(
        self,
        spec_functions: Sequence[Any] | None = None,
        func_to_metadata_mapping: Mapping[str, ToolMetadata] | None = None,
    ) -> list[LlamaIndexSQLTool]:
        """The tools, or those named.

        Args:
            spec_functions: Names, without the prefix; None for all five.
            func_to_metadata_mapping: By the same names what a model is told of a tool, where that is to be another
                text.

        Raises:
            UnknownNameError: There is no tool of that name.
        """
        names = self.spec_functions if spec_functions is None else spec_functions
        for name in names:
            if name not in TOOLS:
                raise UnknownNameError("tool", str(name), TOOLS)
        told = func_to_metadata_mapping or {}
        return [LlamaIndexSQLTool(self._toolbox, name, told.get(name) or self._describe(name)) for name in names]

    def _describe(self, name: str) -> ToolMetadata:
        toolbox, schema = self._toolbox, TOOLS[name].arguments
        return ToolMetadata(toolbox.describe(name), name=toolbox.full_name(name), fn_schema=schema)
