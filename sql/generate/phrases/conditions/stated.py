"""How a question compares its numbers: "more than 5", "5 or more", "between 5 and 10", "5 or 6"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .magnitudes import find_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .inputs import Inputs
    from .magnitudes import Number

__all__ = ["Stated", "find_comparisons"]

_OPEN = r"(?:\s+(?:a|an|the|only|just|about|around|approximately|total|of|to|is|are|was|were|than|value|score))*\s*$"
_MORE = (
    "more|greater|higher|larger|bigger|older|longer|taller|heavier|faster|hotter|warmer|deeper|wider|farther|further|"
    "richer|better|pricier|costlier|stronger|later|steeper|brighter|busier|(?:more \\w+)"
)
_LESS = (
    "less|fewer|lower|smaller|younger|shorter|lighter|slower|cheaper|colder|cooler|shallower|narrower|closer|nearer|"
    "poorer|worse|weaker|earlier|(?:less \\w+)"
)
_NOT = r"(?:not|no|n't|never)"
_BEFORE = tuple(
    (re.compile(rf"(?:\b(?:{words})|{symbols}){_OPEN}" if symbols else rf"\b(?:{words}){_OPEN}"), op)
    for words, symbols, op in (
        (rf"{_NOT}\s+(?:exactly\s+)?(?:equal to|equals?)|other than|different from|except", "!=|<>|≠", "!="),
        (rf"{_NOT}\s+(?:(?:{_MORE})\s+than|above|over|exceed(?:ing)?)|at most|up to|maximum of|max(?:imum)? of|"
         rf"(?:{_LESS})\s+than or equal(?:s| to)?|under or equal to|below or equal to|within", "<=|≤", "<="),
        (rf"{_NOT}\s+(?:(?:{_LESS})\s+than|below|under)|at least|minimum of|min(?:imum)? of|no fewer than|"
         rf"(?:{_MORE})\s+than or equal(?:s| to)?|above or equal to|starting (?:at|from)|"
         "reach(?:es|ed|ing)?", ">=|≥", ">="),
        (rf"(?:{_MORE})\s+than|over|above|exceed(?:s|ing|ed)?|beyond|upwards? of|surpass(?:es|ing|ed)?|in excess of|"
         "superior to", ">", ">"),
        (rf"(?:{_LESS})\s+than|under|below|beneath|inferior to", "<", "<"),
        ("exactly|precisely|equal(?:s|ing)?(?: to)?", "==|=", "="),
    )
)  # fmt: skip
_AFTER = (
    (
        re.compile(
            r"\+|\s*(?:or|and)\s+(?:more|above|higher|greater|over|older|larger|longer|better|up|taller|heavier)\b"
            r"(?!\s+(?:than\b|\w+\s+\d|\d))"
        ),
        ">=",
    ),
    (
        re.compile(
            r"\s*(?:or|and)\s+(?:less|fewer|below|lower|under|younger|smaller|shorter|cheaper)\b"
            r"(?!\s+(?:than\b|\w+\s+\d|\d))"
        ),
        "<=",
    ),
)
_AFTER_UNIT = re.compile(r"\s+\w+")
_BETWEEN = re.compile(r"\b(not\s+)?(?:between|aged?|from|in the range(?: of)?|ranging from|in between)\s+(?:the\s+)?$")
_AND = re.compile(r"\s*(?:\w+\s+)?(?:and|to|through|-|–)\s+(?:the\s+)?|\s*[-–]\s*")
_LIMIT = re.compile(
    r"\b(?:top|first|last|bottom|best|worst|next|limit|least|most|highest|lowest|largest|smallest|oldest|youngest|latest|"
    r"newest|earliest|cheapest|longest|shortest|biggest|recent|list|show|give|return|find|which|what)(?:\s+(?:me|the|of|to))*\s*$"
)
_SUPERLATIVE = re.compile(
    r"\s+(?:\w+\s+)?(?:most|least|highest|lowest|largest|smallest|oldest|youngest|latest|newest|earliest|cheapest|longest|"
    r"shortest|biggest|best|worst|different|distinct|other)\b"
)
_DENIED = re.compile(r"\b(?:not|isn't|aren't|wasn't|weren't|doesn't|don't|other than|except)\s+(?:\w+\s+){0,2}$")
_OR = re.compile(r"\s*,?\s*(?:or|and|,)\s*(?:either\s+)?")
_WORD = re.compile(r"(\w+)\s+(?:of\s+|is\s+)?$")


@dataclass(frozen=True, slots=True)
class Stated:
    """A comparison as the question states it, before its column is known.

    Attributes:
        start, end: Characters of the question.
        op: One of = < > <= >= !=, "between", or "" for a number that nothing compares.
        numbers: Two for "between"; several of "5, 6 or 7"; else one.
        negated: It is denied ("not between", "is not 5").
    """

    start: int
    end: int
    op: str
    numbers: tuple[Number, ...]
    negated: bool = False

    @property
    def first(self) -> Number:
        """The first number."""
        return self.numbers[0]

    @property
    def counts_one(self) -> bool:
        """It says that there is a row at all ("at least one song"), and compares no column."""
        return self.first.spelt and self.first.value == 1.0 and self.op in (">", ">=")


def find_comparisons(inputs: Inputs, taken: tuple[tuple[int, int], ...]) -> list[Stated]:
    """The comparisons of a question, in its order, outside of the spans in `taken`, which days have."""
    numbers = find_numbers(inputs.text, taken)
    found, place = [], 0
    while place < len(numbers):
        stated = _stated(inputs, numbers, place)
        place += len(stated.numbers) if stated is not None else 1
        if stated is not None and not stated.counts_one:
            found.append(stated)
    return found


def _stated(inputs: Inputs, numbers: Sequence[Number], place: int) -> Stated | None:
    text, one = inputs.text, numbers[place]
    offset = max(0, one.start - 60)
    before = text[offset : one.start]
    between = _BETWEEN.search(before)
    if between is not None and place + 1 < len(numbers) and _AND.fullmatch(text[one.end : numbers[place + 1].start]):
        two = numbers[place + 1]
        return Stated(offset + between.start(), two.end, "between", (one, two), negated=bool(between[1]))
    after = _said_after(text, one)
    if after is not None:
        return Stated(one.start, after[1], after[0], (one,))
    said = _said_before(inputs, before, offset)
    if said is not None:
        return Stated(said[1], one.end, said[0], (one,))
    if _LIMIT.search(before) or _SUPERLATIVE.match(text, one.end):
        return None
    listed = [one]
    while place + len(listed) < len(numbers) and _OR.fullmatch(
        text[listed[-1].end : numbers[place + len(listed)].start]
    ):
        listed.append(numbers[place + len(listed)])
    denied = _DENIED.search(before)
    start = offset + denied.start() if denied is not None else one.start
    return Stated(start, listed[-1].end, "", tuple(listed), negated=denied is not None)


def _said_before(inputs: Inputs, before: str, offset: int) -> tuple[str, int] | None:
    """The comparison right before a number, or before a column's name beside it ("above age 46"), and its start."""
    named = _WORD.search(before)
    tries = [before]
    if named is not None:
        first, last = inputs.covered(offset + named.start(1), offset + named.end(1))
        if last > first and any(inputs.fits(first, number) >= 0.5 for number in range(len(inputs.view.columns))):
            tries.append(before[: named.start()])
    for text in tries:
        for pattern, op in _BEFORE:
            if match := pattern.search(text):
                return op, offset + match.start()
    return None


def _said_after(text: str, one: Number) -> tuple[str, int] | None:
    for begin in (one.end, None):
        place = begin
        if place is None:  # "3 stars or more"
            unit = _AFTER_UNIT.match(text, one.end)
            if unit is None:
                return None
            place = unit.end()
        for pattern, op in _AFTER:
            if match := pattern.match(text, place):
                return op, match.end()
    return None
