"""The tools on the database of a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from haystack.tools import Tool
from haystack.tools.errors import ToolInvocationError

from ctxprune.errors import UsageError
from ctxprune.integrations.sql_tools.arguments import json_schema_of
from ctxprune.integrations.sql_tools.toolbox import DEFAULT_TOKENS, TOOLS, Reply, SqlToolbox

if TYPE_CHECKING:
    from ctxprune.sql.pipeline.pipeline import Pipeline

__all__ = ["HaystackSQLTool", "sql_tools"]


class _ReplyError(ToolInvocationError):
    """The words of a reply. Those of Haystack's own error repeat the arguments, which may be of any length."""

    def __init__(self, message: str, tool_name: str) -> None:
        # Of Haystack's constructors some take no name.
        Exception.__init__(self, message)
        self.tool_name = tool_name


class HaystackSQLTool(Tool):
    """One tool of a `SqlToolbox`. It holds an open database, and so cannot be stored with a pipeline.

    Args:
        toolbox: Does the work.
        tool: The name that the toolbox has for it.
    """

    def __init__(self, toolbox: SqlToolbox, tool: str) -> None:
        self._toolbox, self._tool = toolbox, tool
        super().__init__(
            name=toolbox.full_name(tool),
            description=toolbox.describe(tool),
            parameters=json_schema_of(TOOLS[tool].arguments),
            function=self.invoke,
        )

    def invoke(self, **kwargs: Any) -> str:
        """The reply.

        Raises:
            ToolInvocationError: The tool fails in a way that this library knows; the message says why.
        """
        return self._read(self._toolbox.call(self._tool, kwargs))

    async def invoke_async(self, **kwargs: Any) -> str:
        """As `invoke`; cancelling ends the query in the database."""
        return self._read(await self._toolbox.acall(self._tool, kwargs))

    def _read(self, reply: Reply) -> str:
        if reply.error is not None:
            raise _ReplyError(reply.text, self.name) from reply.error
        return reply.text

    def to_dict(self) -> NoReturn:
        """Refused.

        Raises:
            UsageError: Always.
        """
        raise UsageError("a tool on an open database cannot be stored", hint="make it anew with sql_tools(pipeline)")


def sql_tools(
    pipeline: Pipeline, *, budget: int = DEFAULT_TOKENS, counter: Any = None, prefix: str = ""
) -> list[HaystackSQLTool]:
    """Tools by which an agent looks at the database of a pipeline: `link_schema`, `find_values`, `check_sql`, `run_sql`
    and `ask`.

    The model gets JSON within the budget, with a note of what was left out. What fails is a `ToolInvocationError`,
    which Haystack's agents show the model as one sentence.

    Args:
        pipeline: What links, guards, runs and answers; its database stays open as long as the tools are used.
        budget: Tokens of each reply, from 600 up.
        counter: Counts tokens; see `ctxprune.as_counter`.
        prefix: Before the name of each tool, to tell several databases apart.

    Raises:
        UsageError: `pipeline` is none or runs no statements, the budget is out of its range, or `prefix` has characters
            that names of tools cannot have.
    """
    toolbox = SqlToolbox(pipeline, budget=budget, counter=counter, prefix=prefix)
    return [HaystackSQLTool(toolbox, name) for name in TOOLS]
