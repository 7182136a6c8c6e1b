"""The tool by which an agent has back what was cut from its messages (extra `agents`)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from langchain_core.tools import StructuredTool, ToolException

from ctxprune.errors import BudgetError, CtxpruneError, InputError
from ctxprune.integrations.langchain.tools import RECALL_METADATA
from ctxprune.integrations.sql_tools.failures import describe_failure
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.integrations.langchain.stable import StableMessagePruner
    from ctxprune.integrations.recall import Owner

require("langchain.tools", "agents")

from langchain.tools import ToolRuntime  # noqa: E402 - after the check that explains its absence

__all__ = ["recall_tool"]

_LOGGER = logging.getLogger(__name__)
_DESCRIPTION = (
    "Find what was left out of long messages of this conversation. A note such as '4200 of 5000 tokens left out; "
    "recall id 1a2b3c4d5e6f' marks them. Use it whenever an answer may stand in the part that was left out."
)


def recall_tool(pruner: StableMessagePruner, owner_of: Callable[[Any], Owner | None]) -> StructuredTool:
    """The tool `recall(query, id="")`; what it cannot find comes back as one sentence with status "error".

    That a store is down is told without particulars, which go to the log.

    Args:
        pruner: Cuts the messages of the agent; `tool_name` is the tool's.
        owner_of: From the config of a run, whose conversation it is.
    """

    def find(query: str, id_: str, runtime: Any) -> str:
        try:
            return pruner.recall_text(runtime.state["messages"], query, id_, owner_of(runtime.config))
        except CtxpruneError as error:
            raise ToolException(f"Nothing recalled: {_describe(error)}") from error

    def recall(query: str, runtime: ToolRuntime, id: str = "") -> str:  # noqa: A002 - the model's name for it
        """Find what was left out of this conversation.

        Args:
            query: What to look for, in full words.
            runtime: Filled in.
            id: The id in a note, for that message alone; empty to search all that was left out.
        """
        return find(query, id, runtime)

    async def arecall(query: str, runtime: ToolRuntime, id: str = "") -> str:  # noqa: A002
        return await asyncio.to_thread(find, query, id, runtime)

    return StructuredTool.from_function(
        recall,
        arecall,
        name=pruner.tool_name,
        metadata=dict(RECALL_METADATA),
        description=_DESCRIPTION,
        parse_docstring=True,
        handle_tool_error=True,
        handle_validation_error="Nothing recalled: give one text as query, and one as id if there is any.",
    )


def _describe(error: CtxpruneError) -> str:
    # What a query cannot find names no place; a file, a host or a function of the operator's does.
    if isinstance(error, BudgetError | InputError) and not error.where:
        return describe_failure(error)
    _LOGGER.warning("what was left out cannot be read: %s", error)
    return f"what was left out cannot be read right now: try again later ({error.code})"
