"""The tool by which an agent has back what was cut from its messages (extra `agents`)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from langchain_core.tools import StructuredTool, ToolException

from ctxprune.errors import CtxpruneError
from ctxprune.integrations.langchain.stable import RECALL_TOOL
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.integrations.langchain.stable import StableMessagePruner
    from ctxprune.integrations.recall import Owner

require("langchain.tools", "agents")

from langchain.tools import ToolRuntime  # noqa: E402 - after the check that explains its absence

__all__ = ["recall_tool"]

_DESCRIPTION = (
    "Find what was left out of long messages of this conversation. A note such as '4200 of 5000 tokens left out; "
    "recall id 1a2b3c4d5e6f' marks them. Use it whenever an answer may stand in the part that was left out."
)


def recall_tool(pruner: StableMessagePruner, owner_of: Callable[[Any], Owner | None]) -> StructuredTool:
    """The tool `recall(query, id="")`; what it cannot find comes back as one sentence with status "error".

    Args:
        pruner: Cuts the messages of the agent.
        owner_of: From the config of a run, whose conversation it is.
    """

    def find(query: str, id_: str, runtime: Any) -> str:
        try:
            return pruner.recall_text(runtime.state["messages"], query, id_, owner_of(runtime.config))
        except CtxpruneError as error:
            # Without `where`, which may name a host or a path.
            hint = f": {error.hint}" if error.hint else ""
            raise ToolException(f"Nothing recalled: {error.what}{hint}") from error

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
        name=RECALL_TOOL,
        description=_DESCRIPTION,
        parse_docstring=True,
        handle_tool_error=True,
        handle_validation_error="Nothing recalled: give one text as query, and one as id if there is any.",
    )
