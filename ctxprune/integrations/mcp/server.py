"""The MCP server: requests of the protocol to calls of the tools, and every reply within its budget."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from ctxprune._version import __version__
from ctxprune.utils.extras import require

require("mcp", "mcp")

import anyio  # noqa: E402  (comes with mcp)
from mcp.server.lowlevel import Server  # noqa: E402
from mcp.shared.exceptions import MCPError  # noqa: E402
from mcp_types import (  # noqa: E402
    INVALID_PARAMS,
    CallToolResult,
    ListResourcesResult,
    ListToolsResult,
    ReadResourceResult,
    TextContent,
)

from ctxprune.errors import CtxpruneError, RequestError  # noqa: E402
from ctxprune.integrations.mcp import resources  # noqa: E402
from ctxprune.integrations.mcp.budget import ReplyBudget  # noqa: E402
from ctxprune.integrations.mcp.context import ToolContext  # noqa: E402
from ctxprune.integrations.mcp.recall import ReplyStore  # noqa: E402
from ctxprune.integrations.mcp.tools import TOOLS  # noqa: E402
from ctxprune.integrations.sql_tools.arguments import read_arguments  # noqa: E402
from ctxprune.integrations.sql_tools.budget import encode_content  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server.context import ServerRequestContext
    from mcp_types import CallToolRequestParams, PaginatedRequestParams, ReadResourceRequestParams

    from ctxprune.integrations.mcp.tools import ServerTool
    from ctxprune.integrations.mcp.workspace import Caller

__all__ = ["create_server"]

_INSTRUCTIONS = (
    "Read-only access to databases, and pruning of long texts. To answer a question: ask, which writes, checks and "
    "runs the query. Where its outcome is unanswered: link_schema, find_values for the names in the question, then "
    "run_sql with a statement of your own. Replies are cut to a token budget: where `note` says that something was "
    "left out, `recall` with the id in the reply finds it."
)
_LONGEST_NAME = 100  # characters of a tool's name that is quoted; none is a third as long


def create_server(
    identify: Callable[[Any], Caller],
    *,
    budget: ReplyBudget | None = None,
    store: ReplyStore | None = None,
) -> Server[Any]:
    """The server, for whichever transport.

    Args:
        identify: Says who calls, given the HTTP request of the call (None over stdio and in memory).
        budget: Of each reply.
        store: Keeps what replies leave out.

    Raises:
        MissingExtraError: The extra `mcp` is not installed.
    """
    handlers = _Handlers(identify, budget or ReplyBudget(), store or ReplyStore())
    return Server(
        "ctxprune",
        version=__version__,
        title="ctxprune",
        instructions=_INSTRUCTIONS,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_resources=handlers.list_resources,
        on_read_resource=handlers.read_resource,
    )


class _Handlers:
    """What the server does for each kind of request."""

    def __init__(self, identify: Callable[[Any], Caller], budget: ReplyBudget, store: ReplyStore) -> None:
        self._identify, self._budget, self._store = identify, budget, store

    async def list_tools(
        self, _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        """All tools, the same for every caller."""
        return ListToolsResult(tools=[entry.to_tool() for entry in TOOLS.values()])

    async def call_tool(self, context: ServerRequestContext[Any], params: CallToolRequestParams) -> CallToolResult:
        """The reply of a tool; where it fails, one that says why, so that a model can do better."""
        entry = TOOLS.get(params.name)
        if entry is None:
            known = ", ".join(TOOLS)
            raise MCPError(INVALID_PARAMS, f"no tool is named {params.name[:_LONGEST_NAME]!r}; known: {known}")
        caller = self._identify(context.request)
        with anyio.CancelScope() as scope:
            caller.scopes.append(scope)
            try:
                content = await self._call(entry, params.arguments or {}, caller)
                self._budget.require(content)
                return _make_result(content)
            except Exception as error:  # noqa: BLE001 - the last handler: a reply without particulars, and a log line
                return self._make_error(caller.workspace.describe_error(error))
        return self._make_error("the client went away")

    async def _call(self, entry: ServerTool, arguments: dict[str, Any], caller: Caller) -> dict[str, Any]:
        workspace = caller.workspace
        _check_size(arguments, workspace.text_bytes)
        tool = ToolContext(workspace, caller.owner, self._store, self._budget)
        seconds = workspace.seconds
        try:
            async with asyncio.timeout(seconds) as deadline:
                return await entry.function(tool, read_arguments(entry.arguments, arguments))
        except TimeoutError as error:
            if not deadline.expired():  # an error of a query, which is a TimeoutError too
                raise
            hint = f"calls may take {seconds:g} seconds; try again later, or ask for less"
            raise RequestError("the call took too long", status=504, hint=hint) from error

    def _make_error(self, text: str) -> CallToolResult:
        return CallToolResult(content=[TextContent(text=self._budget.cut_error(text))], is_error=True)

    async def list_resources(
        self, context: ServerRequestContext[Any], params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        """A page of the schemas that the caller may read."""
        workspace = self._identify(context.request).workspace
        try:
            return resources.list_page(workspace.names(), params.cursor if params is not None else None, self._budget)
        except CtxpruneError as error:
            raise MCPError(resources.UNAVAILABLE, self._budget.cut_error(workspace.describe_error(error))) from None

    async def read_resource(
        self, context: ServerRequestContext[Any], params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        """One schema as a text."""
        caller = self._identify(context.request)
        with anyio.CancelScope() as scope:
            caller.scopes.append(scope)
            try:
                return await resources.read(params.uri, caller.workspace, self._budget)
            except MCPError:
                raise
            except Exception as error:  # noqa: BLE001 - as in `call_tool`
                reason = self._budget.cut_error(caller.workspace.describe_error(error))
                raise MCPError(resources.UNAVAILABLE, reason) from None
        raise MCPError(resources.UNAVAILABLE, "the client went away")


def _make_result(content: dict[str, Any]) -> CallToolResult:
    text = encode_content(content)
    # Read back, so that both are the same: plain data without lone surrogates.
    return CallToolResult(content=[TextContent(text=text)], structured_content=json.loads(text))


def _check_size(arguments: dict[str, Any], most: int) -> None:
    """Refuse arguments whose texts have more than `most` bytes together, before they are validated.

    Only texts that are arguments themselves are counted: validation refuses those within lists and tables.

    Raises:
        RequestError: 413, they have more.
    """
    # Characters first: a text has at least as many bytes, and counting those of a very long one takes memory.
    size = sum(len(value) for value in arguments.values() if isinstance(value, str))
    if size <= most:
        size = sum(len(value.encode("utf-8", "replace")) for value in arguments.values() if isinstance(value, str))
    if size > most:
        raise RequestError("the arguments are too large", status=413, hint=f"at most {most} bytes are taken")
