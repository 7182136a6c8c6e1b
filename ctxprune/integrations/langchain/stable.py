"""Pruning messages so that what was once sent keeps its bytes, as the prompt caches of providers need it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ctxprune.errors import UsageError
from ctxprune.integrations.langchain.left_out import append_left_out, recall_left_out
from ctxprune.integrations.langchain.messages import Memo, MessagePruner, read_texts, replace_texts
from ctxprune.integrations.langchain.notes import add_note, content_id, text_form, write_note
from ctxprune.integrations.langchain.prefix import read_queries
from ctxprune.integrations.recall import MemoryStore, StoredCut, StoredMessage, StoreLimits
from ctxprune.integrations.recall.base import digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from ctxprune.integrations.recall import Owner, RecallStore

__all__ = ["RECALL_TOOL", "Recall", "StableMessagePruner"]

RECALL_TOOL = "recall"
Recall = Literal["tool", "append", "off"]
_REMEMBERED = 2_000  # results and counts; as many long messages may a conversation have before they are read again
# Twice that of `MessagePruner`: a cut serves all later questions, and of 1000 tokens too many had to be recalled.
_LIMIT = 2_000
_TRIES = 4  # a cut may miss its limit by a note that grew by a few digits, or a table by its own note
_LEAST = 16  # tokens that must be left beside a note: below, no sentence fits
_MARKUP = 12  # tokens of what stands around a note, about: too few cost one more try
_BYTES, _ITEMS = 128_000_000, 20_000  # of the default store: about 5,000 results of 20 kB, each with its cut
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what models of several makers take as the name of a tool


def default_pruner() -> MessagePruner:
    """What is cut, and to how much, where nothing is given: tool results of more than 2000 tokens."""
    return MessagePruner(limit=_LIMIT)


def default_store() -> MemoryStore[Any]:
    """Where left-out content is kept if no store is given: in the memory of this process."""
    return MemoryStore(StoreLimits(total_bytes=_BYTES, account_bytes=_BYTES, account_items=_ITEMS))


@dataclass(frozen=True)
class StableMessagePruner:
    """Cuts long messages as `MessagePruner` does, but each once and for all. Safe to share between threads.

    A message is cut for what was asked when it came: the last human message before it and, for a tool's result, the
    texts among the arguments of its call. So a cut depends on the messages before it alone, and is the same in each
    later call of a model, in another process, and after a restart. What was sent whole is never cut later: human
    messages always stay whole, since each was the question once.

    The price: a later question finds earlier results as they were cut for an earlier one. What was left out stands
    behind the id in a message's last line (JSON: in a last member or item `ctxprune`; several parts: in a part of its
    own), which counts towards the limit; `recall` gives it back.

    With a conversation, what was cut, and what was not, is kept in the store, too, under the message's id. Then it
    stays as it is where messages before it were summarised or trimmed away, and where another machine or version would
    cut differently.

    Attributes:
        pruner: Which messages are cut, and to how much; default `MessagePruner(limit=2000)`. Its `kinds` "human" is of
            no effect here.
        store: Keeps whole and cut texts for each conversation; None for one in memory.
        recall: How left-out content is had back: "tool" names an id in each note, for the tool `recall`; "append" adds
            what a later human message needs of it behind that message's own text; "off" does neither.
        tool_name: Of that tool, whose replies are never cut.

    Raises:
        UsageError: An argument is of the wrong kind.
    """

    pruner: MessagePruner = field(default_factory=default_pruner)
    store: RecallStore[Any] | None = None
    recall: Recall = "tool"
    tool_name: str = RECALL_TOOL
    memo: Memo = field(default_factory=lambda: Memo(_REMEMBERED), init=False, repr=False, compare=False)
    parts: Memo = field(default_factory=Memo, init=False, repr=False, compare=False)
    kept: RecallStore[Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.pruner, MessagePruner):
            raise UsageError(f"pruner is a {type(self.pruner).__name__}", hint="give a MessagePruner")
        if self.recall not in ("tool", "append", "off"):
            raise UsageError(f"recall is {self.recall!r}", hint="give 'tool', 'append' or 'off'")
        if not isinstance(self.tool_name, str) or not _NAME.fullmatch(self.tool_name):
            raise UsageError(f"tool_name is {self.tool_name!r:.80}", hint="give 1 to 64 letters, digits, _ or -")
        object.__setattr__(self, "kept", default_store() if self.store is None else self.store)

    def prune(self, messages: Sequence[BaseMessage], owner: Owner | None = None, *, first: int = 0) -> list[Any]:
        """The messages, in order; those that changed are new objects, the others the same ones.

        Args:
            messages: A conversation from its beginning.
            owner: Whose it is and which one; None for one that the store does not know.
            first: Place of the first message that may be cut; earlier ones are only if they were before.

        Raises:
            StoreError, InputError, FormatError: The store cannot be used.
        """
        queries = read_queries(messages)
        shown = [
            self._shown(message, query if index >= first else "", owner) if self.may_cut(message) else message
            for index, (message, query) in enumerate(zip(messages, queries, strict=True))
        ]
        return append_left_out(self, messages, shown, owner) if self.recall == "append" else shown

    async def aprune(self, messages: Sequence[BaseMessage], owner: Owner | None = None, *, first: int = 0) -> list[Any]:
        """As `prune`, off the event loop's thread."""
        return await asyncio.to_thread(self.prune, messages, owner, first=first)

    def recall_text(
        self, messages: Sequence[BaseMessage], query: str, id_: str = "", owner: Owner | None = None
    ) -> str:
        """What the whole texts of cut messages hold for a query, within the limit of tokens, note included.

        Args:
            messages: The conversation, whole.
            query: What is looked for.
            id_: Of one message, from its note; "" for those of the conversation that say most about the query.
            owner: As for `prune`; with it, messages are found that are no longer among `messages`.

        Raises:
            InputError: The query is empty, or there is nothing under this id in this conversation.
            BudgetError: Nothing of it fits.
            StoreError, FormatError: The store cannot be used.
        """
        return recall_left_out(self, messages, query, id_, owner)

    def may_cut(self, message: BaseMessage) -> bool:
        """Whether a message is ever cut: as for `pruner`, but neither a human one nor the reply of `recall`."""
        recalled = self.recall == "tool" and message.type == "tool" and message.name == self.tool_name
        return message.type != "human" and not recalled and self.pruner.may_cut(message)

    def has_left_out(
        self, messages: Sequence[BaseMessage], shown: Sequence[BaseMessage], owner: Owner | None = None
    ) -> bool:
        """Whether there is anything to recall: in these messages, or of the conversation in the store.

        Args:
            messages: The whole ones.
            shown: What `prune` gave for them.
            owner: As for `prune`.

        Raises:
            StoreError, InputError, FormatError: The store cannot be used.
        """
        if any(new is not old for new, old in zip(shown, messages, strict=True)):
            return True
        return owner is not None and bool(self.memo.get(("left out", owner), lambda: self._holds_messages(owner)))

    def _holds_messages(self, owner: Owner) -> bool | None:
        # None is not remembered: there may be something later.
        return any(isinstance(item, StoredMessage) for _, item in self.kept.items(owner)) or None

    def _count(self, texts: tuple[str, ...]) -> int:
        count: int = self.memo.get(("count", digest(*texts)), lambda: sum(self.pruner.counter.count_many(texts)))
        return count

    def _shown(self, message: BaseMessage, query: str, owner: Owner | None) -> BaseMessage:
        places, texts = read_texts(message)
        before = self._count(texts)
        if before <= self.pruner.limit:
            return message
        id_, single = content_id(texts), isinstance(message.content, str)
        cut = self.find_decision(message, id_, owner)
        if cut is None:
            cut = ()
            if query:
                key = (query, single, digest(*texts))
                cut = self.memo.get(key, lambda: self._cut(query, texts, before, single=single))
            if cut and cut != texts and owner is not None:
                self.kept.put(owner, StoredMessage(texts, message.name or ""), id_)
            # That it is sent whole is decided, too: a summary before it may later be a question, or another one.
            cut = self.keep_decision(message, id_, () if cut == texts else cut, owner)
        if not cut:
            return message
        account = {"tokens_before": before, "tokens_after": sum(self.pruner.counter.count_many(cut)), "id": id_}
        return replace_texts(message, places, cut, account)

    def _cut(self, query: str, texts: tuple[str, ...], before: int, *, single: bool) -> tuple[str, ...]:
        """The texts within the limit with the note; without it where there is no room for one; else as they are."""
        id_ = content_id(texts) if self.recall == "tool" else ""
        limit, count = self.pruner.limit, self.pruner.counter.count_many
        form = text_form(texts[0]) if single else ""
        room = limit - count([write_note(before, before, id_)])[0] - _MARKUP
        for _ in range(_TRIES):
            if room < _LEAST:
                break
            cut = self.pruner.cut_texts(query, texts, room)
            if cut == texts:
                break
            note = write_note(max(0, before - sum(count(cut))), before, id_)
            noted = (add_note(form, cut[0], note),) if single else (*cut, f"[{note}]")
            over = sum(count(noted)) - limit
            if over <= 0:
                return noted
            room -= over
        return self.pruner.cut_texts(query, texts, limit)

    def find_decision(self, message: BaseMessage, id_: str, owner: Owner | None) -> tuple[str, ...] | None:
        """What the store remembers that a model saw for a message; () if it saw it whole, None if nothing is known.

        Args:
            message: The whole message.
            id_: Its `content_id`.
            owner: As for `prune`.
        """
        # Without an id of its own a message cannot be told from another one with the same content.
        if owner is None or not message.id:
            return None
        # A decision never changes, so that each is asked for once: a store may be a network away.
        key = _cut_key(message.id, id_)
        decision: tuple[str, ...] | None = self.memo.get((owner, key), lambda: self._look_up(owner, key))
        return decision

    def _look_up(self, owner: Owner, key: str) -> tuple[str, ...] | None:
        found = self.kept.find(owner, key)
        return found.texts if isinstance(found, StoredCut) else None

    def keep_decision(
        self, message: BaseMessage, id_: str, texts: tuple[str, ...], owner: Owner | None
    ) -> tuple[str, ...]:
        """What decides from now on: these texts, or those of another process which was faster."""
        if owner is None or not message.id:
            return texts
        self.kept.put(owner, StoredCut(texts), _cut_key(message.id, id_))
        decision = self.find_decision(message, id_, owner)
        return texts if decision is None else decision


def _cut_key(message_id: str, id_: str) -> str:
    # With the content, so that a message that was edited is cut anew.
    return f"cut-{digest(message_id, id_)}"
