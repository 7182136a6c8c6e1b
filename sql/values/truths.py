"""Columns of yes and no: a question names the column ("active members"), not the stored value ("T")."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.text.words import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .features import ColumnFacts

__all__ = ["TRUTH", "TruthMention", "find_truth_columns", "truths"]

TRUTH = "truth"  # the way of a candidate

_YES = frozenset({"yes", "y", "true", "t", "1", "on"})
_NO = frozenset({"no", "n", "false", "f", "0", "off"})
_EMPTY = frozenset(
    {"is", "has", "was", "are", "be", "in", "the", "of", "a", "an", "and", "flag", "indicator", "status"}
)
_FEW = 4


@dataclass(frozen=True, slots=True)
class TruthMention:
    """A value of a column that the question names.

    Attributes:
        column: The column's number.
        value: What it stores for yes or for no.
        first, last: Word positions [first, last) of the first word of its name in the question.
    """

    column: int
    value: str
    first: int
    last: int


def find_truth_columns(asked: Sequence[str], facts: Sequence[ColumnFacts]) -> list[TruthMention]:
    """The values of the columns that hold nothing but yes and no and are named in a question; yes first.

    All words of a name must be among the stemmed words `asked`, but for such as "is" and "flag".
    """
    places: dict[str, int] = {}
    for place, word in enumerate(asked):
        places.setdefault(word, place)
    found = []
    for number, fact in enumerate(facts):
        words = (fact.column_words - _EMPTY) if fact.truths else frozenset()
        if words and all(word in places for word in words):
            first = min(places[word] for word in words)
            found += [TruthMention(number, value, first, first + 1) for value in fact.truths]
    return found


def truths(texts: Sequence[str]) -> tuple[str, ...]:
    """The distinct texts of a column, yes before no, where both or one of them is all that it holds; () otherwise."""
    if not texts or len(texts) > _FEW:
        return ()
    words = [fold(text.strip()) for text in texts]
    if not all(word in _YES | _NO or not word for word in words):
        return ()
    return tuple(
        text for _, text in sorted((word in _NO, text) for word, text in zip(words, texts, strict=True) if word)
    )
