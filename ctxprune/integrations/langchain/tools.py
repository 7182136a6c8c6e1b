"""Choosing among an agent's tools by the question."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from langchain_core.messages import AIMessage
from langchain_core.tools import BaseTool

from ctxprune.context import Unit
from ctxprune.errors import UsageError
from ctxprune.integrations.langchain.messages import question_of
from ctxprune.pruning import Pruner
from ctxprune.scorers import DEFAULT_SCORER

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from langchain_core.messages import BaseMessage

    from ctxprune.result import Pruned

__all__ = ["ToolSelector", "ToolsContext"]


@dataclass(frozen=True)
class ToolsContext:
    """Tools as units: name, description and argument names of each. Renders as the list of the kept tools.

    Attributes:
        kind: What the bundled model is told of the units.
        tools: LangChain tools, or the dicts in which a provider takes them; those without a name are pinned.
        pinned: Names of tools that are never dropped.
    """

    kind: ClassVar[str] = "tool"

    tools: Sequence[Any]
    pinned: Collection[str] = ()
    units: tuple[Unit, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        units = []
        for tool in self.tools:
            name, text = _read(tool)
            units.append(Unit(text, pinned=not name or name in self.pinned))
        object.__setattr__(self, "tools", tuple(self.tools))
        object.__setattr__(self, "units", tuple(units))

    def render(self, kept: Collection[int]) -> list[Any]:
        """The kept tools, in order."""
        return [self.tools[index] for index in sorted(set(kept))]


@dataclass(frozen=True)
class ToolSelector:
    """Leaves an agent the tools that the question may need, in their order.

    Attributes:
        least: Tools kept at least, beside those that are always kept; from 1 up.
        most: Tools kept at most, beside these; None for as many as `policy` likes.
        always: Names of tools that are always kept. Provider tools (dicts without a function), tools that the
            conversation has used and a tool that `tool_choice` asks for are, too.
        scorer: A scorer or its registered name.
        policy: A policy or its registered name.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
        UnknownNameError: No scorer or policy has that name.
    """

    least: int = 5
    most: int | None = None
    always: Sequence[str] = ()
    scorer: Any = DEFAULT_SCORER
    policy: Any = "adaptive.v1"

    def __post_init__(self) -> None:
        least, most = self.least, self.most
        if not isinstance(least, int) or isinstance(least, bool) or least < 1:
            raise UsageError(f"least is {least!r}", hint="give a whole number from 1 up")
        if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < least):
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
        context = ToolsContext(tools, {*self.always, *keep})
        free = sum(not unit.pinned for unit in context.units)
        if not question.strip() or free <= self.least:
            return list(tools)
        return context.render(self._chosen(Pruner(self.scorer, self.policy).prune(question, context), context))

    def select_for(self, messages: Sequence[BaseMessage], tools: Sequence[Any], tool_choice: Any = None) -> list[Any]:
        """The tools for the last human message of a conversation."""
        used = {call["name"] for message in messages if isinstance(message, AIMessage) for call in message.tool_calls}
        return self.select(question_of(messages), tools, keep=used | _named(tool_choice))

    async def aselect_for(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any], tool_choice: Any = None
    ) -> list[Any]:
        """As `select_for`, off the event loop's thread."""
        return await asyncio.to_thread(self.select_for, messages, tools, tool_choice)

    def _chosen(self, pruned: Pruned[list[Any]], context: ToolsContext) -> list[int]:
        pinned = [index for index, unit in enumerate(context.units) if unit.pinned]
        others = [unit for unit in pruned.units if not context.units[unit.index].pinned]
        others.sort(key=lambda unit: -unit.score)
        liked = sum(unit.kept for unit in others)
        count = max(liked, self.least) if self.most is None else min(max(liked, self.least), self.most)
        return pinned + [unit.index for unit in sorted(others, key=lambda unit: (not unit.kept, -unit.score))[:count]]


def _read(tool: Any) -> tuple[str, str]:
    """Name of a tool ("" for one that its provider runs) and what the scorer reads of it."""
    if isinstance(tool, BaseTool):
        name, description, arguments = tool.name, tool.description, list(tool.args)
    elif isinstance(tool, dict):
        inner: Any = tool.get("function")
        function: dict[str, Any] = inner if isinstance(inner, dict) else tool
        schema = function.get("parameters") or function.get("input_schema") or {}
        if not isinstance(schema, dict) or not isinstance(function.get("name"), str):
            return "", str(tool.get("type", ""))
        described = "description" in function or schema  # a tool such as a provider's own search has neither
        name = function["name"] if described else ""
        description, arguments = str(function.get("description", "")), list(schema.get("properties") or {})
    else:
        raise UsageError(f"a tool is a {type(tool).__name__}", hint="give LangChain tools or dicts")
    words = f"{name}: {description}".replace("_", " ")
    return name, f"{words} ({', '.join(map(str, arguments)).replace('_', ' ')})" if arguments else words


def _named(tool_choice: Any) -> set[str]:
    """The name in a provider's tool choice, if there is one."""
    if isinstance(tool_choice, str):
        return {tool_choice}
    if isinstance(tool_choice, dict):
        inner = tool_choice.get("function")
        name = tool_choice.get("name") or (inner.get("name") if isinstance(inner, dict) else None)
        return {name} if isinstance(name, str) else set()
    return set()
