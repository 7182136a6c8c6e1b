"""The tools: what each is called, what it takes and gives, and the function that does its work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.utils.extras import require

require("mcp", "mcp")

from mcp_types import Tool, ToolAnnotations  # noqa: E402

from ctxprune.integrations.mcp import database_tools, models, text_tools  # noqa: E402
from ctxprune.integrations.sql_tools.arguments import json_schema_of  # noqa: E402
from ctxprune.integrations.sql_tools.descriptions import DESCRIPTIONS  # noqa: E402

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ctxprune.integrations.mcp.context import ToolContext

__all__ = ["TOOLS", "ServerTool"]


@dataclass(frozen=True)
class ServerTool:
    """One tool.

    Attributes:
        function: Does the work, from the arguments to the content of the reply.
        arguments: What it takes.
        content: What it gives.
        title: For people.
        description: For the model.
    """

    function: Callable[[ToolContext, Any], Awaitable[dict[str, Any]]]
    arguments: type[BaseModel]
    content: type[BaseModel]
    title: str
    description: str

    @property
    def name(self) -> str:
        """That of its function."""
        return self.function.__name__

    def to_tool(self) -> Tool:
        """As clients are told of it."""
        return Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=json_schema_of(self.arguments),
            output_schema=json_schema_of(self.content, output=True),
            annotations=ToolAnnotations(
                read_only_hint=True,
                destructive_hint=False,
                idempotent_hint=True,
                open_world_hint=False,  # it reaches the configured databases and nothing else
            ),
        )


_ENTRIES = (
    ServerTool(
        database_tools.list_databases,
        models.NoArguments,
        models.DatabasesContent,
        "List databases",
        "The databases that may be queried, with their SQL dialects and tables.",
    ),
    ServerTool(
        database_tools.link_schema,
        models.LinkArguments,
        models.LinkContent,
        "Link a schema",
        DESCRIPTIONS["link_schema"],
    ),
    ServerTool(
        database_tools.find_values,
        models.ValuesArguments,
        models.ValuesContent,
        "Find stored values",
        DESCRIPTIONS["find_values"],
    ),
    ServerTool(
        database_tools.check_sql,
        models.CheckArguments,
        models.CheckContent,
        "Check SQL",
        DESCRIPTIONS["check_sql"],
    ),
    ServerTool(
        database_tools.run_sql,
        models.RunArguments,
        models.RunContent,
        "Run SQL",
        f"{DESCRIPTIONS['run_sql']} `recall` finds it.",
    ),
    ServerTool(
        database_tools.ask,
        models.AskArguments,
        models.AskContent,
        "Ask a database",
        DESCRIPTIONS["ask"],
    ),
    ServerTool(
        text_tools.prune,
        models.PruneArguments,
        models.PruneContent,
        "Prune a text",
        "Shorten a long text, page, table, JSON document or log to the parts that a question needs. Kept parts are "
        "verbatim.",
    ),
    ServerTool(
        text_tools.recall,
        models.RecallArguments,
        models.RecallContent,
        "Recall",
        "Search what an earlier reply left out, with a new question.",
    ),
)
TOOLS = {entry.name: entry for entry in _ENTRIES}
"""By name, in the order in which they are listed."""
