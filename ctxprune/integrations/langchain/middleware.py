"""Agent middleware for langchain 1.x (extra `agents`): pruned messages, and the tools that a question needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.integrations.langchain.messages import MessagePruner
from ctxprune.integrations.langchain.tools import ToolSelector
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

require("langchain.agents.middleware", "agents")

from langchain.agents.middleware import AgentMiddleware  # noqa: E402 - after the check that explains its absence

__all__ = ["PruningMiddleware", "ToolSelectionMiddleware"]


class PruningMiddleware(AgentMiddleware):
    """Each call of the model sees its messages pruned; the agent's state keeps them whole.

    Args:
        pruner: What is cut, and to how much; default `MessagePruner()`: tool results of more than 1000 tokens.
    """

    def __init__(self, pruner: MessagePruner | None = None) -> None:
        super().__init__()
        self.pruner = MessagePruner() if pruner is None else pruner

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """The model's answer to the pruned messages."""
        # `override` copies: the state of the agent keeps the whole messages.
        return handler(request.override(messages=self.pruner.prune(request.messages)))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """As `wrap_model_call`; pruning runs off the event loop's thread."""
        return await handler(request.override(messages=await self.pruner.aprune(request.messages)))


class ToolSelectionMiddleware(AgentMiddleware):
    """Each call of the model is offered the tools only that its question may need. No model is asked for that.

    Args:
        selector: How many tools stay, and which ones always; default `ToolSelector()`: five or more.
    """

    def __init__(self, selector: ToolSelector | None = None) -> None:
        super().__init__()
        self.selector = ToolSelector() if selector is None else selector

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """The model's answer with fewer tools."""
        tools = self.selector.select_for(request.messages, request.tools, request.tool_choice)
        return handler(request.override(tools=tools))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """As `wrap_model_call`; choosing runs off the event loop's thread."""
        tools = await self.selector.aselect_for(request.messages, request.tools, request.tool_choice)
        return await handler(request.override(tools=tools))
