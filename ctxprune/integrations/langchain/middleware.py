"""Agent middleware for langchain 1.x (extra `agents`): pruned messages, and the tools that a question needs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.integrations.langchain.callbacks import report_steps
from ctxprune.integrations.langchain.conversation import check_namespace, read_config, read_owner
from ctxprune.integrations.langchain.messages import MessagePruner
from ctxprune.integrations.langchain.stable import RECALL_TOOL, StableMessagePruner, default_pruner
from ctxprune.integrations.langchain.tools import ToolSelector, is_recall_tool
from ctxprune.utils.extras import require
from ctxprune.utils.validation import check_flag

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from ctxprune.integrations.langchain.conversation import Namespace
    from ctxprune.integrations.langchain.stable import Recall
    from ctxprune.integrations.recall import Owner, RecallStore

require("langchain.agents.middleware", "agents")

from langchain.agents.middleware import AgentMiddleware  # noqa: E402 - after the check that explains its absence

from ctxprune.integrations.langchain.recall_tool import recall_tool  # noqa: E402

__all__ = ["PruningMiddleware", "ToolSelectionMiddleware"]


class PruningMiddleware(AgentMiddleware):
    """Each call of the model sees its messages pruned; the agent's state keeps them whole.

    By default each message is cut once and keeps its bytes in all later calls, so that the provider's prompt cache
    holds (`StableMessagePruner`); what was left out is had back by the tool `recall`, which this adds. It costs the
    definition of that tool in each call, a note of about 20 tokens in each cut message, and a call of the tool where a
    later question needs what an earlier one did not. Runs with a `thread_id` keep cuts and whole texts in the store, so
    that both outlive a summary of the messages.

    Args:
        pruner: What is cut, and to how much; by default tool results of more than 2000 tokens, or of more than 1000
            (`MessagePruner()`) if not `stable`.
        stable: Whether cuts stay. If not, each message is cut anew for the last human message of each call: fewer
            tokens for a question that changes, but none of them cached; there are no notes and no `recall` then.
        store: Keeps what was cut for each conversation, for all workers that share it; default one in memory, of
            128 MB at most.
        recall: "tool" adds the tool; "append" adds what a new human message needs of earlier results' left-out parts
            behind its text, for models that do not call tools reliably (at most half of the limit; it stays there in
            later calls; a model may trust results more there: docs/concepts/prompt_injection.md); "off" does neither.
        namespace: Whose the conversations are, beside their `thread_id`: a text, or a function of the run's config, for
            services whose users choose their own thread ids; "" for none. See `StoreLimits` for what all of one may
            keep.
        tool_name: Of the tool that it adds, for agents that have a tool `recall` of their own.

    Raises:
        UsageError: An argument is of the wrong kind, or given although `stable` is False. In a call of the model:
            another tool of the agent has the name of the one that this adds, or `namespace` gave no text.
        StoreError, InputError, FormatError: In a call of the model: the store cannot be used.
    """

    def __init__(
        self,
        pruner: MessagePruner | None = None,
        *,
        stable: bool = True,
        store: RecallStore[Any] | None = None,
        recall: Recall = "tool",
        namespace: Namespace = "",
        tool_name: str = RECALL_TOOL,
    ) -> None:
        super().__init__()
        check_flag("stable", stable)
        check_namespace(namespace)
        if not stable and (store is not None or recall != "tool" or namespace != "" or tool_name != RECALL_TOOL):
            raise UsageError("store, recall, namespace and tool_name are for stable pruning", hint="leave stable=True")
        if pruner is None:
            pruner = default_pruner() if stable else MessagePruner()
        self.pruner = pruner
        self.stable = StableMessagePruner(pruner, store, recall, tool_name) if stable else None
        self._namespace = namespace
        self.tools = []
        if self.stable is not None and recall == "tool":
            self.tools = [recall_tool(self.stable, self._owner)]

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """The model's answer to the pruned messages."""
        return handler(self._pruned(request, read_config()))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """As `wrap_model_call`; pruning runs off the event loop's thread."""
        return await handler(await asyncio.to_thread(self._pruned, request, read_config()))

    @report_steps
    def _pruned(self, request: Any, config: Mapping[str, Any]) -> Any:
        # `override` copies: the state of the agent keeps the whole messages.
        if self.stable is None:
            return request.override(messages=self.pruner.prune(request.messages))
        self._check_names(request.tools)
        owner = self._owner(config)
        messages = self.stable.prune(request.messages, owner)
        # Without other tools nothing is cut as a rule, and a model that cannot call any need not be told of this one.
        alone = len(request.tools) == 1 and is_recall_tool(request.tools[0])
        if alone and not self.stable.has_left_out(request.messages, messages, owner):
            return request.override(messages=messages, tools=[])
        return request.override(messages=messages)

    def _check_names(self, tools: Sequence[Any]) -> None:
        """Refuse a tool with the name of ours: LangChain would run one of the two without a word."""
        for name in [tool.name for tool in self.tools]:
            if any(_name_of(tool) == name and not is_recall_tool(tool) for tool in tools):
                hint = 'give PruningMiddleware another tool_name ("recall_left_out"), or recall="append" or "off"'
                raise UsageError(f"the agent has a tool {name!r} of its own", hint=hint)

    def _owner(self, config: Mapping[str, Any]) -> Owner | None:
        return read_owner(config, self._namespace)


class ToolSelectionMiddleware(AgentMiddleware):
    """Each call of the model is offered the tools only that its question may need. No model is asked for that.

    With a prompt cache this mostly costs more than it saves. Providers put the tools before all messages, so that each
    tool that is added ends the cache before the first of them: in one run with 60 tools, calls cost 2.10 times the
    price without any pruning (2.65 times with `stable=False`), and 0.93 times where all tools were offered and messages
    alone were pruned (`benchmarks/quality/prompt_cache.py`). Use it where nothing is cached, where the tools would not
    fit, or where a model chooses badly among many.

    By default tools that were offered stay, and further questions add theirs behind them, so that the cache ends only
    where a question adds one. It costs the tokens of earlier questions' tools: `most` is then a limit for each human
    message. Where the agent's own list of tools changes, or messages are summarised away, so may this.

    Args:
        selector: How many tools stay, and which ones always; default `ToolSelector()`: five or more.
        stable: Whether the list only grows within a conversation; if not, it is chosen anew for each human message.

    Raises:
        UsageError: `stable` is no bool.
    """

    def __init__(self, selector: ToolSelector | None = None, *, stable: bool = True) -> None:
        super().__init__()
        check_flag("stable", stable)
        self.selector = ToolSelector() if selector is None else selector
        self._stable = stable

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """The model's answer with fewer tools."""
        tools = self.selector.select_for(request.messages, request.tools, request.tool_choice, stable=self._stable)
        return handler(request.override(tools=tools))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """As `wrap_model_call`; choosing runs off the event loop's thread."""
        choose = self.selector.aselect_for
        tools = await choose(request.messages, request.tools, request.tool_choice, stable=self._stable)
        return await handler(request.override(tools=tools))


def _name_of(tool: Any) -> str | None:
    """The name of a LangChain tool, or of a provider's definition of a function."""
    if isinstance(tool, dict):
        inner = tool.get("function")
        return tool.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
    return getattr(tool, "name", None)
