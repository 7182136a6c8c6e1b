"""What a query leaves out of a question, and how much each left-out word weighs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from ctxprune.text.words import stem, words

from ..account.gradable import GRADABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..account.reading import Reading, Span
    from ..linking.doubts import Doubt, SchemaWords
    from ..select.base import SelectionContext

__all__ = ["IMPORTANT", "LEFTOVERS", "Leftover", "LeftoverKind", "count_leftovers", "find_leftovers"]

LeftoverKind = Literal["value", "number", "schema", "doubt", "unknown", "vague"]
LEFTOVERS: tuple[LeftoverKind, ...] = get_args(LeftoverKind)
#: Kinds that keep an answer from being given without reserve.
IMPORTANT: frozenset[LeftoverKind] = frozenset(("value", "number", "schema", "doubt", "unknown"))
_LIKELY = 0.3  # of a stored value that counts as meant
_VERBS = frozenset(("count", "display", "find", "give", "list", "name", "return", "select", "show", "state", "tell"))
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Leftover:
    """Words of the question that a query does not use.

    Attributes:
        kind: "value" (stored in the database), "number" (or a day), "schema" (names a table or column), "doubt" (stands
            where a name stands, and means nothing in the schema), "unknown" (another word that means nothing in the
            schema), or "vague" (words that say how rather than what).
        text: As the question writes it.
        span: Characters [start, end) of the question.
        why: The reason as a clause, where the query uses the words but its result speaks against it; "" otherwise.
        instead: The tables whose rows the words rather mean; () where nothing says so.
    """

    kind: LeftoverKind
    text: str
    span: tuple[int, int]
    why: str = ""
    instead: tuple[str, ...] = ()


def find_leftovers(reading: Reading, context: SelectionContext, schema: SchemaWords) -> tuple[Leftover, ...]:
    """The unused words with content, in order, and the words that mean nothing in the schema, unless the account
    explains them by something that no other word stands for ("mayors" is not explained by the cities beside it).
    """
    found = [Leftover(_kind(span, context, schema), span.text, (span.start, span.end)) for span in reading.unused]
    told = [one.span for one in found]
    for doubt in context.doubts:
        start, end = doubt.span
        # "don't" is cut at its apostrophe.
        apart = context.question[end : end + 1] in ("'", "\u2019")
        if not apart and not any(low < end and start < high for low, high in told) and _adds_nothing(doubt, reading):
            found.append(Leftover("doubt", doubt.text, doubt.span))
    return tuple(sorted(found, key=lambda one: one.span))


def _adds_nothing(doubt: Doubt, reading: Reading) -> bool:
    start, end = doubt.span
    mine = [span for span in reading.spans if span.start < end and start < span.end]
    others = {part for span in reading.spans if span not in mine and span.content for part in span.parts}
    return all(others.issuperset(span.parts) for span in mine)


def count_leftovers(found: Sequence[Leftover]) -> dict[LeftoverKind, int]:
    """How many of each kind there are, 0 included."""
    counts = Counter(one.kind for one in found)
    return {kind: counts[kind] for kind in LEFTOVERS}


def _kind(span: Span, context: SelectionContext, schema: SchemaWords) -> LeftoverKind:  # noqa: PLR0911
    def covered(start: int, end: int) -> bool:
        return start < span.end and span.start < end

    if _DIGIT.search(span.text):
        return "number"
    if any(hit.likelihood >= _LIKELY and covered(*hit.span) for hit in context.hits):
        return "value"
    if any(covered(*doubt.span) for doubt in context.doubts):
        return "doubt"
    stems = [stem(word) for word in words(span.text)]
    # "Show" at the beginning asks to be shown something, also where a table is called so.
    if span.text.casefold() in _VERBS and not context.question[: span.start].strip():
        return "vague"
    if any(root in schema.stems for root in stems):
        return "schema"
    if not stems or all(text.endswith("ly") and text not in GRADABLE for text in words(span.text)):
        return "vague"
    return "unknown"
