"""Pruning the messages of a conversation to its current question, long tool results above all."""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from ctxprune.errors import UsageError
from ctxprune.integrations.recall.base import digest
from ctxprune.integrations.texts import LEAST_TOKENS, TextsPruner
from ctxprune.pruning.pruner import Pruner
from ctxprune.scorers import DEFAULT_SCORER
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Memo", "MessagePruner", "question_of", "read_texts", "replace_texts", "shorten_question"]

T = TypeVar("T")
_KINDS = ("ai", "human", "tool")
_REMEMBERED = 128  # results: those of a few conversations at once
_CHARACTERS = 16_000_000  # of all results that a memo keeps, whatever their number
_ENTRY = 200  # characters that stand for what a key and a number take
_QUESTION = 1_500  # characters; with those of a tool's call, a query has 2,000 at most


def question_of(messages: Sequence[BaseMessage]) -> str:
    """The text of the last human message, see `shorten_question`; "" where there is none."""
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            return shorten_question(str(message.text))
    return ""


def shorten_question(text: str) -> str:
    """A question as far as it is read: of a longer text its beginning and its end, where what is asked mostly stands.

    A document may be pasted into a message; a scorer would take minutes for one of a megabyte.
    """
    text = text.strip()
    return text if len(text) <= _QUESTION else f"{text[: _QUESTION // 2].rstrip()}\n{text[-_QUESTION // 2 :].lstrip()}"


class Memo:
    """The last results: an agent sends the same tool result again with each of its calls. Pickles without them.

    Args:
        size: Results that are kept.
        characters: Of all results together.
    """

    def __init__(self, size: int = _REMEMBERED, characters: int = _CHARACTERS) -> None:
        self._size, self._characters = size, characters
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, Any] = OrderedDict()
        self._used = 0

    def __reduce__(self) -> tuple[type[Memo], tuple[int, int]]:
        return type(self), (self._size, self._characters)

    def get(self, key: Any, build: Callable[[], T]) -> T:
        """What was built for this key, else what `build` gives; None is not remembered.

        Args:
            key: Texts, numbers, owners, and tuples of these.
            build: Makes the result.
        """
        key = digest(repr(key))  # texts as keys would keep whole messages of all conversations in memory
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                found: T = self._entries[key]
                return found
        value = build()
        if value is None:
            return value
        with self._lock:
            if key not in self._entries:
                self._used += _characters_of(value)
            self._entries[key] = value
            while len(self._entries) > self._size or self._used > self._characters:
                self._used -= _characters_of(self._entries.popitem(last=False)[1])
        return value


def _characters_of(value: Any) -> int:
    """Characters of a result and of its entry, about."""
    if isinstance(value, str):
        return _ENTRY + len(value)
    return _ENTRY + sum(map(_characters_of, value)) if isinstance(value, list | tuple) else _ENTRY


@dataclass(frozen=True)
class MessagePruner:
    """Cuts long messages to what the current question, the last human message, needs. Safe to share between threads.

    A message of more than `limit` tokens is cut to that many: text by sentences, JSON by the items of its lists, so
    that it stays JSON; tables (CSV, Markdown), logs and, with the extra `html`, pages in their own form, too. Where it
    fits, a line in a table says what was left out. A sentence is cut only where the limit does not hold it, and "…"
    stands where it was cut. What cannot be cut so far stays whole: JSON without lists, or with one huge item. Of
    several parts of a message the short ones stay whole, and the long ones share what these leave.
    Parts that are no text stay untouched; parts that lost all their text are left out. The message that holds the
    question, system messages and failed tool calls are never changed. Ids, names, tool calls, `tool_call_id` and
    artifacts stay; `response_metadata["ctxprune"]` says how many tokens it was.

    The same result is cut differently for another question, so that a provider's prompt cache ends there;
    `StableMessagePruner` keeps what was sent.

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
    _memo: Memo = field(default_factory=Memo, init=False, repr=False, compare=False)

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
        question = question_of(messages) if question is None else shorten_question(question)
        if not question:
            return list(messages)
        # The question itself is never cut, whatever its type is in `kinds`.
        last = max((i for i, message in enumerate(messages) if isinstance(message, HumanMessage)), default=-1)
        return [
            message if index == last or not self.may_cut(message) else self._pruned(message, question)
            for index, message in enumerate(messages)
        ]

    async def aprune(self, messages: Sequence[BaseMessage], question: str | None = None) -> list[Any]:
        """As `prune`, off the event loop's thread."""
        return await asyncio.to_thread(self.prune, messages, question)

    def may_cut(self, message: BaseMessage) -> bool:
        """Whether a message is of the kinds that are cut, and neither excluded nor a failed call."""
        if message.type not in self.kinds or (isinstance(message, ToolMessage) and message.status == "error"):
            return False
        return message.type != "tool" or message.name not in self.exclude

    def _pruned(self, message: BaseMessage, question: str) -> BaseMessage:
        places, texts = read_texts(message)
        before = sum(self.counter.count_many(texts))
        if before <= self.limit:
            return message
        cut = self._memo.get((question, texts), lambda: self.cut_texts(question, texts, self.limit))
        if cut == texts:
            return message
        return replace_texts(message, places, cut, self._account(before, cut))

    def cut_texts(self, question: str, texts: tuple[str, ...], limit: int) -> tuple[str, ...]:
        """The texts of one message, within so many tokens where they can be cut so far; "" for what lost everything."""
        return TextsPruner(limit, self.scorer, self.counter).cut(question, texts)

    def _account(self, before: int, cut: tuple[str, ...]) -> dict[str, Any]:
        return {"tokens_before": before, "tokens_after": sum(self.counter.count_many(cut))}


def read_texts(message: BaseMessage) -> tuple[list[int], tuple[str, ...]]:
    """The places among the parts of a message that hold text, and these texts."""
    parts = _parts_of(message)
    places = [index for index, part in enumerate(parts) if _text_of(part) is not None]
    return places, tuple(str(_text_of(parts[index])) for index in places)


def replace_texts(
    message: BaseMessage, places: Sequence[int], texts: Sequence[str], account: dict[str, Any]
) -> BaseMessage:
    """A copy of a message with other texts.

    Args:
        message: A message.
        places: From `read_texts`.
        texts: One for each place, "" for a part that goes; a text more becomes a part of its own at the end.
        account: For `response_metadata["ctxprune"]`.
    """
    parts = _parts_of(message)
    new = dict(zip(places, texts, strict=False))
    kept = [_with_text(part, new[i]) if i in new else part for i, part in enumerate(parts) if new.get(i, "-")]
    # In the form that the other parts have: some providers take either texts or blocks.
    blocks = any(isinstance(part, dict) for part in parts)
    kept += [{"type": "text", "text": text} if blocks else text for text in texts[len(places) :]]
    content = kept[0] if isinstance(message.content, str) else kept
    metadata = {**message.response_metadata, "ctxprune": account}
    return message.model_copy(update={"content": content, "response_metadata": metadata})


def _parts_of(message: BaseMessage) -> list[Any]:
    content: Any = message.content
    return [content] if isinstance(content, str) else list(content)


def _text_of(part: Any) -> str | None:
    """The text of a part of a content; None if it is something else."""
    if isinstance(part, dict):
        part = part.get("text") if part.get("type") == "text" else None
    return part if isinstance(part, str) else None


def _with_text(part: Any, text: str) -> Any:
    return {**part, "text": text} if isinstance(part, dict) else text
