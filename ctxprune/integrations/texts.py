"""Cutting the texts of one message, each in the form that it has, to a limit of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import BudgetError, InputError, MissingExtraError
from ctxprune.policies import TableBudget
from ctxprune.pruning.pruner import Pruner
from ctxprune.rag.jsondocument import json_lists
from ctxprune.rag.kinds import read_context
from ctxprune.rag.passages.passages import Passages
from ctxprune.rag.sniff import sniff_kind
from ctxprune.scorers.combined.structured import structured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.context.base import Context

__all__ = ["LEAST_TOKENS", "TextsPruner"]

LEAST_TOKENS = 64  # in fewer there is no room for a sentence
_FORMS = frozenset({"csv", "html", "log", "table", "tsv"})  # beside JSON; Markdown is cut as text


@dataclass(frozen=True)
class _Portion:
    """Texts that are cut together: what reads them, their places among all, and their tokens."""

    context: Context[Any]
    places: list[int]
    tokens: int


@dataclass(frozen=True)
class TextsPruner:
    """Cuts texts that belong together to what a question needs: prose by sentences, JSON by the items of its lists,
    tables, logs and pages in their own form. Safe to share between threads.

    Attributes:
        limit: Tokens that all of them together may have.
        scorer: A scorer.
        counter: Counts tokens; see `ctxprune.as_counter`.
    """

    limit: int
    scorer: Any
    counter: Any

    def cut(self, question: str, texts: tuple[str, ...], tokens: Sequence[int] = ()) -> tuple[str, ...]:
        """The texts within the limit: from the shortest on, each gets an even part of what those before it left.

        `tokens` are those of each text, where they are counted already.
        """
        new = list(texts)
        portions = sorted(
            self._portions(texts, tokens or self.counter.count_many(texts)), key=lambda portion: portion.tokens
        )
        even, room = self.limit // len(portions), self.limit
        for place, portion in enumerate(portions):
            # From the shortest on, each may use what those before it did not need.
            share = max(room, 0) // (len(portions) - place)
            if portion.tokens > share:
                # Where earlier portions could not be cut, what they left may be too small for any unit.
                cut = self._within(question, portion.context, share) or self._within(question, portion.context, even)
                for index, text in zip(portion.places, [cut] if isinstance(cut, str) else cut or (), strict=False):
                    new[index] = text
            room -= sum(self.counter.count_many([new[index] for index in portion.places]))
        return tuple(new)

    def _portions(self, texts: tuple[str, ...], counts: Sequence[int]) -> list[_Portion]:
        """What is cut by itself: each text of a form of its own, and the plain ones together."""
        formed = {i: found for i, text in enumerate(texts) if (found := _in_form(text)) is not None}
        portions = [_Portion(context, [index], counts[index]) for index, context in formed.items()]
        plain = [index for index in range(len(texts)) if index not in formed]
        if plain:
            # Whole sentences: only one that the share cannot hold is cut, by the pruner, and marked.
            passages = Passages([texts[index] for index in plain])
            portions.append(_Portion(passages, plain, sum(counts[index] for index in plain)))
        return portions

    def _within(self, question: str, context: Context[Any], budget: int) -> Any:
        """What `context` keeps in that many tokens; None where it cannot be cut to them."""
        try:
            return Pruner(structured(self.scorer), TableBudget(budget), self.counter).prune(question, context).output
        except BudgetError:
            return None


def _in_form(text: str) -> Context[str] | None:
    """The text as what it looks like; None where that is prose, or it is broken or cannot be read here."""
    if (lists := json_lists(text)) is not None:
        return lists.with_note(note=True)
    kind = sniff_kind(text)
    if kind not in _FORMS:
        return None
    try:
        context = read_context(text, kind)
    except (InputError, MissingExtraError):
        return None
    return context.with_note(note=True)
