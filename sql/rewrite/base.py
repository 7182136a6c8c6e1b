"""The interface of rewriters, which complete follow-up questions, and what they know of a conversation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.registry import Registry
from ctxprune.text.words import STOP_WORDS, fold, split_identifier, stem
from ctxprune.utils.foreign import check_method

from ..linking.words import name_stems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..schema.hits import ValueHit
    from ..schema.schema import Column, ColumnRef, Schema, Table

__all__ = ["COMPLETE", "REWRITERS", "UNRESOLVED", "Rewriter", "Rewritten", "Turn", "Vocabulary", "as_rewriter"]

COMPLETE = "complete"  # the kind of a question that needs no earlier one
UNRESOLVED = "unresolved"  # the kind of one that refers to something that was not found
_LONGEST = 6  # words of a name


@dataclass(frozen=True, slots=True)
class Turn:
    """One question of a conversation.

    Attributes:
        asked: As it was asked.
        question: In full, as it was answered.
        sql: The query that ran; "" where there was no answer.
        linked: The columns of its linked schema, likely ones first.
    """

    asked: str
    question: str
    sql: str = ""
    linked: tuple[ColumnRef, ...] = ()


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A question in full.

    Attributes:
        asked: As it was asked.
        question: In full; the same text where nothing was missing, or where it could not be told what.
        rewriter: Registered name of what completed it; "" where nothing was missing, or it could not be told what.
        kind: `COMPLETE` for a question that needs no earlier one; else what was done ("value", "reference", ...), or
            `UNRESOLVED` where it refers to something that was not found.
        reason: Why, for people.
    """

    asked: str
    question: str
    rewriter: str = ""
    kind: str = COMPLETE
    reason: str = "it needs no earlier question"

    @property
    def changed(self) -> bool:
        """Whether the question is another than the one that was asked."""
        return self.question != self.asked


@dataclass(frozen=True)
class Vocabulary:
    """The words that a database has names or values for.

    Attributes:
        schema: Its tables and columns.
        find: Stored values that a text mentions, none of a private column.
    """

    schema: Schema
    find: Callable[[str], Sequence[ValueHit]]

    def names(self, words: Sequence[str], *, tables: bool = True, columns: bool = True) -> list[tuple[int, int]]:
        """Positions [start, end) of words that are a whole name of a table or column, endings aside; longest first."""
        wanted = (self._tables if tables else frozenset()) | (self._columns if columns else frozenset())
        stems = ["" if fold(word) in STOP_WORDS else stem(fold(word)) for word in words]
        found: list[tuple[int, int]] = []
        for size in range(min(_LONGEST, len(stems)), 0, -1):
            for start in range(len(stems) - size + 1):
                end = start + size
                if tuple(stems[start:end]) in wanted and not any(a < end and start < b for a, b in found):
                    found.append((start, end))
        return found

    def knows(self, word: str) -> bool:
        """Whether a word, endings aside, is part of any name."""
        return fold(word) not in STOP_WORDS and self._words.issuperset(map(stem, split_identifier(word)))

    @cached_property
    def _tables(self) -> frozenset[tuple[str, ...]]:
        return _stems(self.schema.tables)

    @cached_property
    def _columns(self) -> frozenset[tuple[str, ...]]:
        return _stems(column for table in self.schema.tables for column in table.columns)

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(word for name in self._tables | self._columns for word in name)


def _stems(named: Iterable[Table | Column]) -> frozenset[tuple[str, ...]]:
    """Names, and comments that are as short as a name."""
    found = (name_stems(text) for one in named for text in (one.name, one.comment) if text)
    return frozenset(stems for stems in found if len(stems) <= _LONGEST)


class Rewriter(ABC):
    """Completes a follow-up question from the earlier ones. Safe to share between threads.

    `as_rewriter` accepts any other object with the method `rewrite`.
    """

    @abstractmethod
    def rewrite(self, asked: str, history: Sequence[Turn], vocabulary: Vocabulary) -> Rewritten:
        """`asked` as a complete question, by earlier turns (the latest last); unchanged where it needs none of them."""


@dataclass(frozen=True)
class _AdaptedRewriter(Rewriter):
    """An object of the user with the method `rewrite`."""

    rewriter: Any

    def rewrite(self, asked: str, history: Sequence[Turn], vocabulary: Vocabulary) -> Rewritten:
        rewritten = self.rewriter.rewrite(asked, history, vocabulary)
        if not isinstance(rewritten, Rewritten):
            raise UsageError(f"{type(self.rewriter).__name__}.rewrite must return a Rewritten", where="rewrite")
        return rewritten


def as_rewriter(rewriter: object) -> Rewriter:
    """`rewriter` itself where it is a `Rewriter`, else an adapter of an object with the method `rewrite`.

    Raises:
        UsageError: It has no such method.
    """
    if isinstance(rewriter, Rewriter):
        return rewriter
    check_method(rewriter, "rewrite", "a rewriter")
    return _AdaptedRewriter(rewriter)


REWRITERS: Registry[type[Rewriter]] = Registry(
    "rewriter",
    {
        "chat.v1": "ctxprune.sql.rewrite.chat:ChatRewriter",
        "rule.v1": "ctxprune.sql.rewrite.rule:RuleRewriter",
    },
)
