"""Choosing among an agent's tools by the question."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from ctxprune.errors import UsageError
from ctxprune.integrations.langchain.messages import Memo, question_of, shorten_question
from ctxprune.integrations.recall.base import digest
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.jsonschema import Tools
from ctxprune.utils.validation import check_whole, is_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from langchain_core.messages import BaseMessage

    from ctxprune.pruning.result import Pruned

__all__ = ["RECALL_METADATA", "ToolSelector", "is_recall_tool"]

RECALL_METADATA = {"ctxprune": "recall"}
"""Marks the tool that `PruningMiddleware` adds, whatever its name is."""
_REMEMBERED = 500  # lists of tools: as many human messages may a conversation have before they are scored again


@dataclass(frozen=True)
class ToolSelector:
    """Leaves an agent the tools that the question may need, in their order.

    Attributes:
        least: Tools kept at least, beside those that are always kept; from 1 up.
        most: Tools kept at most, beside these; None for as many as `policy` likes.
        always: Names of tools that are always kept. Provider tools (dicts without a function), tools that the
            conversation has used, a tool that `tool_choice` asks for and that of `PruningMiddleware` are, too.
        scorer: A scorer or its registered name; by default one that knows names and verbs.
        policy: A policy or its registered name.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
        UnknownNameError: No scorer or policy has that name.
    """

    least: int = 5
    most: int | None = None
    always: Sequence[str] = ()
    scorer: Any = "names.v1"
    policy: Any = "adaptive.v1"
    _memo: Memo = field(default_factory=lambda: Memo(_REMEMBERED), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        least, most = self.least, self.most
        check_whole("least", least)
        if most is not None and (not is_whole(most) or most < least):
            raise UsageError(f"most is {most!r}", hint=f"give a whole number from least={least} up, or None")
        if isinstance(self.always, str):
            raise UsageError("always is a single text", hint="give a list of names")
        pruner = Pruner(self.scorer, self.policy)
        object.__setattr__(self, "always", tuple(self.always))
        object.__setattr__(self, "scorer", pruner.scorer)
        object.__setattr__(self, "policy", pruner.policy)

    def select(self, question: str, tools: Sequence[Any], *, keep: Collection[str] = ()) -> list[Any]:
        """The tools for the question; all of them where it is empty, or where there are no more than `least`.

        Args:
            question: What is asked.
            tools: LangChain tools or dicts.
            keep: Further names of tools to keep.
        """
        context = Tools(tools, pinned={*self.always, *keep})
        units = self._select_units(question, context)
        if units is None:
            return list(tools)
        chosen: list[Any] = context.render(units)
        return chosen

    def select_for(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any], tool_choice: Any = None, *, stable: bool = False
    ) -> list[Any]:
        """The tools for a conversation.

        Args:
            messages: All of it, from its beginning.
            tools: LangChain tools or dicts.
            tool_choice: As for the provider; a tool that it asks for is kept.
            stable: Whether the list only grows, so that what was sent keeps its bytes: for each human message come
                those that it may need, behind those of the messages before it. Else the list is that for the last
                human message.
        """
        if stable:
            return self._select_growing(messages, tools, tool_choice)
        used = {name for message in messages for name in _used(message)}
        return self.select(question_of(messages), tools, keep=used | _named(tool_choice) | _recall_names(tools))

    async def aselect_for(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any], tool_choice: Any = None, *, stable: bool = False
    ) -> list[Any]:
        """As `select_for`, off the event loop's thread."""
        return await asyncio.to_thread(self.select_for, messages, tools, tool_choice, stable=stable)

    def _select_growing(self, messages: Sequence[BaseMessage], tools: Sequence[Any], tool_choice: Any) -> list[Any]:
        context = Tools(tools, pinned={*self.always, *_recall_names(tools)})
        mark = digest(*(unit.text for unit in context.units), *context.names, *context.details)
        everything = range(len(tools))
        chosen = dict[int, None]()  # places in the order in which they came

        def add_named(names: Collection[str]) -> None:
            named = [place for place, name in zip(context.sources, context.names, strict=True) if name in names]
            chosen.update(dict.fromkeys(named))

        asked = False
        for message in messages:
            if isinstance(message, HumanMessage):
                asked, question = True, shorten_question(str(message.text))
                units = self._memo.get((mark, question), partial(self._select_units, question, context))
                chosen.update(dict.fromkeys(everything if units is None else sorted(context.sources[i] for i in units)))
            elif isinstance(message, ToolMessage) and not asked:
                chosen.update(dict.fromkeys(everything))  # without a question, all of them were offered
            add_named(_used(message))
        add_named(_named(tool_choice))
        return [tools[place] for place in chosen] if asked or chosen else list(tools)

    def _select_units(self, question: str, context: Tools) -> list[int] | None:
        """Units of the tools that stay; None for all of them."""
        free = sum(not unit.pinned for unit in context.units)
        if not question.strip() or free <= self.least:
            return None
        return self._chosen(Pruner(self.scorer, self.policy).prune(question, context), context)

    def _chosen(self, pruned: Pruned[list[Any]], context: Tools) -> list[int]:
        pinned = [index for index, unit in enumerate(context.units) if unit.pinned]
        others = [unit for unit in pruned.units if not context.units[unit.index].pinned]
        others.sort(key=lambda unit: -unit.score)
        liked = sum(unit.kept for unit in others)
        count = max(liked, self.least) if self.most is None else min(max(liked, self.least), self.most)
        return pinned + [unit.index for unit in sorted(others, key=lambda unit: (not unit.kept, -unit.score))[:count]]


def is_recall_tool(tool: Any) -> bool:
    """Whether a tool is the one that `PruningMiddleware` adds; another one may have its name."""
    metadata = getattr(tool, "metadata", None)
    return isinstance(metadata, dict) and metadata.items() >= RECALL_METADATA.items()


def _recall_names(tools: Sequence[Any]) -> set[str]:
    return {tool.name for tool in tools if is_recall_tool(tool)}


def _used(message: BaseMessage) -> set[str]:
    return {call["name"] for call in message.tool_calls} if isinstance(message, AIMessage) else set()


def _named(tool_choice: Any) -> set[str]:
    """The name in a provider's tool choice, if there is one."""
    if isinstance(tool_choice, str):
        return {tool_choice}
    if isinstance(tool_choice, dict):
        inner = tool_choice.get("function")
        name = tool_choice.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
        return {name} if isinstance(name, str) else set()
    return set()
