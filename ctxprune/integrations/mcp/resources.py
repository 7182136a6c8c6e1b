"""Schemas as resources, one for each database."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ctxprune.utils.extras import require

require("mcp", "mcp")

from mcp.shared.exceptions import MCPError  # noqa: E402
from mcp_types import (  # noqa: E402
    INVALID_PARAMS,
    ListResourcesResult,
    ReadResourceResult,
    Resource,
    TextResourceContents,
)

from ctxprune.errors import BudgetError  # noqa: E402
from ctxprune.integrations.sql_tools.budget import fill_budget  # noqa: E402
from ctxprune.integrations.sql_tools.schemas import fit_schema_text  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel

    from ctxprune.integrations.mcp.budget import ReplyBudget
    from ctxprune.integrations.mcp.workspace import Workspace

__all__ = ["UNAVAILABLE", "list_page", "read"]

UNAVAILABLE = -32003  # a server error of our own: the resource is known, but cannot be read right now
_PREFIX = "ctxprune://schema/"
_TEXT = "text/plain"


def list_page(names: Sequence[str], cursor: str | None, budget: ReplyBudget) -> ListResourcesResult:
    """As many resources as fit into a reply, from a cursor on.

    Args:
        names: The databases.
        cursor: Of the reply before; None for the first.
        budget: Of the reply.

    Raises:
        MCPError: The cursor is of no reply.
        BudgetError: Not even the next one fits.
    """
    start = _read_cursor(cursor, len(names))

    def build(count: int) -> ListResourcesResult:
        end = start + count
        listed = [_describe(name) for name in names[start:end]]
        return ListResourcesResult(resources=listed, next_cursor=str(end) if end < len(names) else None)

    count, page = fill_budget(len(names) - start, build, lambda page: _fits(page, budget))
    if not count and start < len(names):  # its cursor would be that of this page, and a client would ask for ever
        raise BudgetError("a resource does not fit into a reply", hint="start the server with a larger --budget")
    return page


def _read_cursor(cursor: str | None, count: int) -> int:
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 9 and int(cursor) <= count):
        raise MCPError(INVALID_PARAMS, "the cursor is of no reply")
    return int(cursor)


def _describe(name: str) -> Resource:
    return Resource(
        name=name,
        uri=f"{_PREFIX}{quote(name, safe='')}",
        title=f"Schema of {name}",
        description="Tables, columns and keys; what does not fit is left out, and a line says so.",
        mime_type=_TEXT,
    )


async def read(uri: str, workspace: Workspace, budget: ReplyBudget) -> ReadResourceResult:
    """A schema as a text.

    Raises:
        MCPError: There is no such resource for this caller.
        CtxpruneError: The database cannot be used right now, or not even a note fits.
    """
    name = unquote(uri.removeprefix(_PREFIX)) if uri.startswith(_PREFIX) else ""
    if name not in workspace.names():
        raise MCPError(INVALID_PARAMS, "there is no such resource")

    def build(text: str) -> ReadResourceResult:
        return ReadResourceResult(contents=[TextResourceContents(uri=uri, mime_type=_TEXT, text=text)])

    def make_text() -> str:
        # A column takes more than one token.
        return fit_schema_text(workspace.schema(name), budget.tokens, lambda text: _fits(build(text), budget))

    return build(await workspace.run(make_text))


def _fits(reply: BaseModel, budget: ReplyBudget) -> bool:
    return budget.count_text(reply.model_dump_json(by_alias=True, exclude_none=True)) <= budget.tokens
