"""The tools of a database as a toolkit."""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.tools import BaseTool, BaseToolkit, ToolException
from pydantic import ConfigDict, Field, PrivateAttr, SkipValidation, ValidationError

from ctxprune.integrations.langchain.callbacks import report_steps
from ctxprune.integrations.sql_tools.arguments import describe_fault
from ctxprune.integrations.sql_tools.toolbox import DEFAULT_TOKENS, TOOLS, Reply, SqlToolbox

__all__ = ["SQLTool", "SQLToolkit"]


def _describe_fault(error: Any) -> str:
    return describe_fault(error) if isinstance(error, ValidationError) else "the arguments are not those of this tool"


class SQLTool(BaseTool):
    """One tool of a `SqlToolbox`.

    Attributes:
        tool: The name that the toolbox has for it.
        toolbox: Does the work.
    """

    tool: str
    toolbox: SkipValidation[Any] = Field(exclude=True, repr=False)
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"
    handle_tool_error: Any = True
    handle_validation_error: Any = _describe_fault

    @report_steps
    def _run(self, *args: Any, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        return _unpack(self.toolbox.call(self.tool, TOOLS[self.tool].name_arguments(args, kwargs)))

    @report_steps
    async def _arun(self, *args: Any, **kwargs: Any) -> tuple[str, dict[str, Any]]:
        return _unpack(await self.toolbox.acall(self.tool, TOOLS[self.tool].name_arguments(args, kwargs)))


def _unpack(reply: Reply) -> tuple[str, dict[str, Any]]:
    if reply.error is not None:
        raise ToolException(reply.text) from reply.error
    return reply.text, reply.data


class SQLToolkit(BaseToolkit):
    """Tools by which an agent looks at the database of a pipeline: `link_schema`, `find_values`, `check_sql`, `run_sql`
    and `ask`.

    The model gets JSON within the budget, with a note of what was left out; the tool message's artifact is all of it
    (every row, the whole answer). What fails comes back as one sentence with status "error"; faults that are none of
    this library's (a `MemoryError`) are raised. Cancelling an asynchronous call ends its query in the database.

    Attributes:
        pipeline: What links, guards, runs and answers; its database stays open as long as the tools are used.
        budget: Tokens of each reply, from 600 up.
        counter: Counts tokens; see `ctxprune.as_counter`.
        prefix: Before the name of each tool, to tell the toolkits of several databases apart.

    Raises:
        UsageError: `pipeline` is none or runs no statements, the budget is out of its range, or `prefix` has characters
            that names of tools cannot have.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    pipeline: SkipValidation[Any] = Field(repr=False)
    budget: SkipValidation[int] = DEFAULT_TOKENS
    counter: SkipValidation[Any] = Field(default=None, repr=False)
    prefix: SkipValidation[str] = ""
    _toolbox: SqlToolbox = PrivateAttr()

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self._toolbox = SqlToolbox(self.pipeline, budget=self.budget, counter=self.counter, prefix=self.prefix)

    def get_tools(self) -> list[BaseTool]:
        """The five tools."""
        return [
            SQLTool(
                name=self._toolbox.full_name(name),
                description=self._toolbox.describe(name),
                args_schema=tool.arguments,
                tool=name,
                toolbox=self._toolbox,
            )
            for name, tool in TOOLS.items()
        ]
