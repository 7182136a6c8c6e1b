"""Pruning as an edit for LangChain's own `ContextEditingMiddleware`."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.integrations.langchain.conversation import read_config, read_owner
from ctxprune.integrations.langchain.messages import MessagePruner
from ctxprune.integrations.langchain.stable import StableMessagePruner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from langchain_core.messages import BaseMessage

__all__ = ["PruneToolResults"]


@dataclass(frozen=True)
class PruneToolResults:
    """An edit for LangChain's `ContextEditingMiddleware`: prunes in place of clearing, from `trigger` tokens up.

    With a `StableMessagePruner`, the default, what was sent keeps its bytes: a message is cut if the conversation up to
    it has more than `trigger` tokens, and stays whole for ever otherwise. So the conversation is longer than with a
    `MessagePruner`, which cuts all messages as soon as there are so many, and anew for each question.

    Attributes:
        trigger: Tokens of the whole conversation, by the middleware's count, above which messages are cut; from 0 up.
        pruner: What cuts them. An edit adds no tool, so that the default gives no ids for `recall`. What it cut in a
            run with a `thread_id` stays cut where earlier messages vanish and fewer tokens are left.
    """

    trigger: int = 20_000
    pruner: MessagePruner | StableMessagePruner = field(default_factory=lambda: StableMessagePruner(recall="off"))

    def apply(self, messages: list[Any], *, count_tokens: Callable[[Sequence[BaseMessage]], int]) -> None:
        """Cut the messages in place; see `MessagePruner`."""
        if isinstance(self.pruner, StableMessagePruner):
            first = self._find_first(messages, count_tokens)
            messages[:] = self.pruner.prune(messages, read_owner(read_config()), first=first)
        elif count_tokens(messages) > self.trigger:
            messages[:] = self.pruner.prune(messages)

    def _find_first(self, messages: list[Any], count_tokens: Callable[[Sequence[BaseMessage]], int]) -> int:
        """Place of the first message up to which the conversation is too long, whatever comes behind it."""
        if count_tokens(messages) <= self.trigger:
            return len(messages)
        # Halving, since a count may be a request to the provider; only of whole beginnings, since a result without its
        # call is refused there, and the counts of single messages do not add up to that of all.
        return bisect_left(
            range(len(messages)), True, key=lambda index: count_tokens(messages[: index + 1]) > self.trigger
        )
