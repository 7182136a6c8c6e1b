"""Value hits of terms: "active customer" with the meaning status = 'A' counts as a mention of 'A'."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import stem, word_spans, words

from ..schema.hits import ValueHit

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..schema.schema import ColumnRef
    from .entries import Term

__all__ = ["STAGE", "find_term_hits"]

STAGE = "term"
_EQUAL = re.compile(r"(?:\w+\.)?[`\"\[]?(\w+)[`\"\]]?\s*(?<![!<>])==?\s*'((?:[^']|'')*)'")
_NOT_SIMPLE = re.compile(r"\b(?:or|not|except|unless)\b", re.IGNORECASE)


def find_term_hits(term: Term, columns: Collection[ColumnRef], question: str) -> list[ValueHit]:
    """The values that a term's meaning compares its columns with, where the question holds the term.

    Only equalities count, and none where the meaning holds alternatives or exceptions: what such a meaning asks for is
    left to a model that reads it.

    Args:
        term: The term.
        columns: Its columns, in the schema's spelling; of a name that several of them have nothing is taken.
        question: As it was asked; spans are characters of it.
    """
    place = _place(term.term, question)
    if not place or _NOT_SIMPLE.search(term.meaning):
        return []
    hits = []
    for name, value in _EQUAL.findall(term.meaning):
        named = [ref for ref in columns if ref.column.casefold() == name.casefold()]
        # A name that several of the columns have would put the value into the wrong table.
        if len(named) == 1:
            span = _without_table(place, question, named[0].table)
            hits.append(ValueHit(named[0], value.replace("''", "'"), span, 1.0, STAGE))
    return hits


def _place(name: str, question: str) -> list[tuple[int, int]]:
    """The words of the question that are the term, in any inflection, as characters [start, end); [] for none."""
    wanted = [stem(word) for word in words(name)]
    spans = word_spans(question)
    said = [_stems(question[start:end]) for start, end in spans]
    for first in range(len(said) - len(wanted) + 1):
        if wanted and said[first : first + len(wanted)] == wanted:
            return spans[first : first + len(wanted)]
    return []


def _without_table(place: list[tuple[int, int]], question: str, table: str) -> tuple[int, int]:
    """The span of the term but for the table's own name: of "active customers" the value is "active"."""
    names = set(_stems(table).split())
    own = [(start, end) for start, end in place if _stems(question[start:end]) not in names] or place
    return own[0][0], own[-1][1]


def _stems(text: str) -> str:
    return " ".join(map(stem, words(text)))
