"""What a rewriter is: it says in full what a follow-up question leaves out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from ctxprune.registry import Registry
from ctxprune.text.words import STOP_WORDS, fold, split_identifier, stem

from ..linking.words import name_stems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..schema.schema import Column, ColumnRef, Schema, Table
    from ..values.base import ValueHit

__all__ = ["COMPLETE", "REWRITERS", "UNRESOLVED", "Rewriter", "Rewritten", "Turn", "Vocabulary"]

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
        rewriter: Registered name of what made it; "" where nothing was changed.
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
    """What a database has words for.

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


class Rewriter(Protocol):
    """Says in full what a follow-up question leaves out. Safe to share between threads."""

    def rewrite(self, asked: str, history: Sequence[Turn], vocabulary: Vocabulary) -> Rewritten:
        """`asked` in full, by earlier turns (the latest last); as it is where it needs none of them."""
        ...


REWRITERS: Registry[type[Rewriter]] = Registry(
    "rewriter",
    {
        "chat.v1": "ctxprune.sql.rewrite.chat:ChatRewriter",
        "rule.v1": "ctxprune.sql.rewrite.rule:RuleRewriter",
    },
)
