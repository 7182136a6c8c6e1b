"""Choosing among an agent's tools by the question."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

from ctxprune.errors import UsageError
from ctxprune.integrations.langchain.messages import question_of
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.jsonschema import Tools
from ctxprune.utils.validation import check_whole, is_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from langchain_core.messages import BaseMessage

    from ctxprune.pruning.result import Pruned

__all__ = ["ToolSelector"]


@dataclass(frozen=True)
class ToolSelector:
    """Leaves an agent the tools that the question may need, in their order.

    Attributes:
        least: Tools kept at least, beside those that are always kept; from 1 up.
        most: Tools kept at most, beside these; None for as many as `policy` likes.
        always: Names of tools that are always kept. Provider tools (dicts without a function), tools that the
            conversation has used and a tool that `tool_choice` asks for are, too.
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
        free = sum(not unit.pinned for unit in context.units)
        if not question.strip() or free <= self.least:
            return list(tools)
        pruned = Pruner(self.scorer, self.policy).prune(question, context)
        chosen: list[Any] = context.render(self._chosen(pruned, context))
        return chosen

    def select_for(self, messages: Sequence[BaseMessage], tools: Sequence[Any], tool_choice: Any = None) -> list[Any]:
        """The tools for the last human message of a conversation."""
        used = {call["name"] for message in messages if isinstance(message, AIMessage) for call in message.tool_calls}
        return self.select(question_of(messages), tools, keep=used | _named(tool_choice))

    async def aselect_for(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any], tool_choice: Any = None
    ) -> list[Any]:
        """As `select_for`, off the event loop's thread."""
        return await asyncio.to_thread(self.select_for, messages, tools, tool_choice)

    def _chosen(self, pruned: Pruned[list[Any]], context: Tools) -> list[int]:
        pinned = [index for index, unit in enumerate(context.units) if unit.pinned]
        others = [unit for unit in pruned.units if not context.units[unit.index].pinned]
        others.sort(key=lambda unit: -unit.score)
        liked = sum(unit.kept for unit in others)
        count = max(liked, self.least) if self.most is None else min(max(liked, self.least), self.most)
        return pinned + [unit.index for unit in sorted(others, key=lambda unit: (not unit.kept, -unit.score))[:count]]


def _named(tool_choice: Any) -> set[str]:
    """The name in a provider's tool choice, if there is one."""
    if isinstance(tool_choice, str):
        return {tool_choice}
    if isinstance(tool_choice, dict):
        inner = tool_choice.get("function")
        name = tool_choice.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
        return {name} if isinstance(name, str) else set()
    return set()
