"""Pruning the messages of a conversation to its current question, long tool results above all."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from ctxprune.errors import UsageError
from ctxprune.integrations.texts import LEAST_TOKENS, TextsPruner
from ctxprune.pruning.pruner import Pruner
from ctxprune.scorers import DEFAULT_SCORER
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MessagePruner", "PruneToolResults", "question_of"]

_KINDS = ("ai", "human", "tool")
_REMEMBERED = 128


def question_of(messages: Sequence[BaseMessage]) -> str:
    """The text of the last human message; "" where there is none."""
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            return str(message.text).strip()
    return ""


class _Memo:
    """The last results: an agent sends the same tool result again with each of its calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[Any, tuple[str, ...]] = OrderedDict()

    def __reduce__(self) -> tuple[type[_Memo], tuple[()]]:
        return type(self), ()

    def get(self, key: Any, build: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        value = build()
        with self._lock:
            self._entries[key] = value
            while len(self._entries) > _REMEMBERED:
                self._entries.popitem(last=False)
        return value


@dataclass(frozen=True)
class MessagePruner:
    """Cuts long messages to what the current question, the last human message, needs. Safe to share between threads.

    A message of more than `limit` tokens is cut to that many: text by sentences, JSON by the items of its lists, so
    that it stays JSON; tables (CSV, Markdown), logs and, with the extra `html`, pages in their own form, too. Where it
    fits, a line in a table says what was left out. What cannot be cut so far stays whole: JSON without lists, or with
    one huge item. Of several parts of a message the short ones stay whole, and the long ones share what these leave.
    Parts that are no text stay untouched; parts that lost all their text are left out. The message that holds the
    question, system messages and failed tool calls are never changed. Ids, names, tool calls, `tool_call_id` and
    artifacts stay; `response_metadata["ctxprune"]` says how many tokens it was.

    The same result is cut differently for another question, so that a provider's prompt cache ends there.

    Attributes:
        limit: Tokens of text that a message may have, from 64 up.
        kinds: Types of the messages to look at: "tool", "human" (earlier ones), "ai".
        exclude: Names of tools whose results stay as they are.
        scorer: A scorer or its registered name.
        counter: Counts tokens; see `ctxprune.as_counter`.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
        UnknownNameError: No scorer has that name.
    """

    limit: int = 1000
    kinds: Sequence[str] = ("tool",)
    exclude: Sequence[str] = ()
    scorer: Any = DEFAULT_SCORER
    counter: Any = None
    _memo: _Memo = field(default_factory=_Memo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_whole("limit", self.limit, minimum=LEAST_TOKENS)
        for name, values in (("kinds", self.kinds), ("exclude", self.exclude)):
            if isinstance(values, str):
                raise UsageError(f"{name} is a single text", hint="give a list")
            object.__setattr__(self, name, tuple(values))
        if not set(self.kinds) <= set(_KINDS):
            raise UsageError(f"kinds is {self.kinds!r}", hint=f"give some of {', '.join(_KINDS)}")
        pruner = Pruner(self.scorer, counter=self.counter)
        object.__setattr__(self, "scorer", pruner.scorer)
        object.__setattr__(self, "counter", pruner.counter)

    def prune(self, messages: Sequence[BaseMessage], question: str | None = None) -> list[Any]:
        """The messages, in order; those that changed are new objects, the others the same ones.

        Args:
            messages: A conversation.
            question: What they are cut for; None for the last human message. Without any, nothing is changed.
        """
        question = question_of(messages) if question is None else question.strip()
        if not question:
            return list(messages)
        # The question itself is never cut, whatever its type is in `kinds`.
        last = max((i for i, message in enumerate(messages) if isinstance(message, HumanMessage)), default=-1)
        return [
            message if index == last or not self._is_of_interest(message) else self._pruned(message, question)
            for index, message in enumerate(messages)
        ]

    async def aprune(self, messages: Sequence[BaseMessage], question: str | None = None) -> list[Any]:
        """As `prune`, off the event loop's thread."""
        return await asyncio.to_thread(self.prune, messages, question)

    def _is_of_interest(self, message: BaseMessage) -> bool:
        if message.type not in self.kinds or (isinstance(message, ToolMessage) and message.status == "error"):
            return False
        return message.type != "tool" or message.name not in self.exclude

    def _pruned(self, message: BaseMessage, question: str) -> BaseMessage:
        content: Any = message.content
        parts = [content] if isinstance(content, str) else list(content)
        places = [index for index, part in enumerate(parts) if _text_of(part) is not None]
        texts = tuple(str(_text_of(parts[index])) for index in places)
        before = sum(self.counter.count_many(texts))
        if before <= self.limit:
            return message
        cut = self._memo.get(
            (question, texts), lambda: TextsPruner(self.limit, self.scorer, self.counter).cut(question, texts)
        )
        if cut == texts:
            return message
        new = dict(zip(places, cut, strict=True))
        kept = [_with_text(part, new[i]) if i in new else part for i, part in enumerate(parts) if new.get(i, "-")]
        account = {"tokens_before": before, "tokens_after": sum(self.counter.count_many(cut))}
        metadata = {**message.response_metadata, "ctxprune": account}
        update = {"content": kept[0] if isinstance(content, str) else kept, "response_metadata": metadata}
        return message.model_copy(update=update)


@dataclass(frozen=True)
class PruneToolResults:
    """An edit for LangChain's `ContextEditingMiddleware`: prunes in place of clearing, from `trigger` tokens up.

    Attributes:
        trigger: Tokens of the whole conversation, by the middleware's count, above which messages are cut; from 0 up.
        pruner: What cuts them.
    """

    trigger: int = 20_000
    pruner: MessagePruner = field(default_factory=MessagePruner)

    def apply(self, messages: list[Any], *, count_tokens: Callable[[Sequence[BaseMessage]], int]) -> None:
        """Cut the messages in place; see `MessagePruner`."""
        if count_tokens(messages) > self.trigger:
            messages[:] = self.pruner.prune(messages)


def _text_of(part: Any) -> str | None:
    """The text of a part of a content; None if it is something else."""
    if isinstance(part, dict):
        part = part.get("text") if part.get("type") == "text" else None
    return part if isinstance(part, str) else None


def _with_text(part: Any, text: str) -> Any:
    return {**part, "text": text} if isinstance(part, dict) else text
