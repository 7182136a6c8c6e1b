"""Values, numbers and days of a question, and their replacement by those of a follow-up question."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, fold, words

from ..values.literals import mentions
from ..values.spans import Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..schema.hits import ValueHit
    from ..schema.schema import ColumnRef
    from .base import Vocabulary

__all__ = ["Slot", "find_slots", "swap_slots"]

_CLOSE, _LIKELY = 0.8, 0.1  # below that a hit is a guess
_COMPARISON = re.compile(
    r"\b(?:(?:(?:no |not )?(?:more|less|fewer|greater|larger|smaller|higher|lower|bigger|older|younger|longer|shorter"
    r"|later|earlier|heavier|lighter|taller|cheaper)(?:\s+\w+)?\s+than(?:\s+or\s+equal\s+to)?)|at least|at most|above"
    r"|below|over|under|before|after|since|until|exactly|exceeding|up to)\s+\Z",
    re.IGNORECASE,
)
_PICKED = re.compile(r"\b(?:top|first|last|bottom)\s+\Z", re.IGNORECASE)
_QUOTED = re.compile(r"\"([^\"]+)\"|(?<!\w)'([^']+)'(?!\w)|“([^”]+)”")
_NAMED = re.compile(r"(?<!\w)[^\W\d_a-zß-öø-ÿ]\w*(?:[ -][^\W\d_a-zß-öø-ÿ]\w*)*")
_BEFORE = re.compile(r"(\w+)\s+(?:the\s+)?['\"“]?\Z")
_LISTS = frozenset({",", "or", "and", ", or", ", and"})
_RANGES = _LISTS | {"to", "-", "–"}
_RANGE = re.compile(r"\b(?:between|from)\s+\Z", re.IGNORECASE)
_BETWEEN = re.compile(r"(?:between|from)\s", re.IGNORECASE)
_PREPOSITION = re.compile(r"\b(?:in|on|at|of|from|for)\s+(?:the\s+)?(?:year\s+)?\Z", re.IGNORECASE)
_THE = re.compile(r"\bthe\s+\Z", re.IGNORECASE)
_COUNTED = frozenset({"year", "number", "month", "date"})
# Words that may stand around values and add nothing to them.
_AROUND = STOP_WORDS | frozenset(words("year years named called instead ones people things name"))


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of a question that another value can take the place of.

    Attributes:
        start, end: Characters [start, end) of the question, quotes left off.
        kind: "year", "number", "month", "date", or "value" for a name or text.
        refs: Columns that store it; none where no stored value was found.
    """

    start: int
    end: int
    kind: str
    refs: frozenset[ColumnRef] = frozenset()


def find_slots(text: str, vocabulary: Vocabulary, *, fragment: bool = False) -> list[Slot]:
    """The slots of a question, in order; none overlap. A list ("2014 or 2015") is one slot, and "top 3" is none.

    The first word of a `fragment` may be a name; that of a question has its capital anyway.
    """
    question = Question.parse(text)
    stored: dict[tuple[int, int], set[ColumnRef]] = {}
    # Longer hits first: what overlaps them belongs to them.
    for hit in sorted(vocabulary.find(text), key=lambda hit: (hit.span[0] - hit.span[1], -hit.likelihood)):
        span = _own_words(text, hit)
        close = span is not None and hit.score >= _CLOSE and hit.likelihood >= _LIKELY
        if span is not None and close:
            around = [(a, b) for a, b in stored if a < span[1] and span[0] < b]
            stored.setdefault(around[0] if around else span, set()).add(hit.ref)
    found = [Slot(*span, "value", frozenset(refs)) for span, refs in stored.items()]
    for mention in mentions(question):
        start, end = question.place(mention.first, mention.last)
        refs = frozenset(ref for slot in found for ref in slot.refs if (slot.start, slot.end) == (start, end))
        # A number within a longer stored value ("Area 51") is a part of it.
        inside = any(slot.start <= start and end <= slot.end and end - start < slot.end - slot.start for slot in found)
        if not inside and not _PICKED.search(text[:start]):
            found = [slot for slot in found if slot.end <= start or end <= slot.start]
            found.append(Slot(start, end, mention.kind, refs))
    for start, end in _unknown(text, fragment=fragment):
        if all(slot.end <= start or end <= slot.start for slot in found):
            found.append(Slot(start, end, "value"))
    return _joined(text, sorted(found, key=lambda slot: slot.start))


def _own_words(text: str, hit: ValueHit) -> tuple[int, int] | None:
    """The characters of a hit's value alone, where its span holds the column's name, too; None where they differ."""
    if hit.stage != "column":
        return hit.span
    at = text.casefold().find(hit.value.casefold(), *hit.span)
    return (at, at + len(hit.value)) if at >= 0 and len(text) == len(text.casefold()) else None


def _joined(text: str, found: Sequence[Slot]) -> list[Slot]:
    """Lists ("2014 or 2015") and ranges ("between 5 and 10") of one kind as one slot each."""
    merged: list[Slot] = []
    for slot in found:
        before = merged[-1] if merged else None
        between = text[before.end : slot.start].strip("'\"“” ").lower() if before else ""
        if before and before.kind == slot.kind and between in (_LISTS if slot.kind == "value" else _RANGES):
            ranged = _RANGE.search(text[: before.start]) if slot.kind in _COUNTED else None
            start = ranged.start() if ranged else before.start
            merged[-1] = Slot(start, slot.end, slot.kind, before.refs | slot.refs)
        else:
            merged.append(slot)
    return merged


def _unknown(text: str, *, fragment: bool) -> Iterator[tuple[int, int]]:
    """Quoted texts, and names with a capital."""
    for found in _QUOTED.finditer(text):
        yield found.span(found.lastindex or 0)
    for found in _NAMED.finditer(text):
        first = not text[: found.start()].strip() or text[: found.start()].rstrip()[-1] in ".?!"
        if fold(found[0]) not in STOP_WORDS and (fragment or not first):
            yield found.span()


def swap_slots(question: str, fragment: str, vocabulary: Vocabulary, *, same: bool = False) -> str:
    """`question` with the values of `fragment` in the places of its own; "" where some value has no place.

    A comparison goes along with its number ("more than 5" for "less than 10").

    Args:
        question: The earlier one, in full.
        fragment: The follow-up; words of its own around its values must say nothing new.
        vocabulary: Of the database.
        same: Only values of the same column change places.
    """
    old, new = find_slots(question, vocabulary), find_slots(fragment, vocabulary, fragment=True)
    if not new and len(fragment.split()) <= 3 and not vocabulary.names(fragment.split()):
        new = _whole(fragment)
    if not new or not _says_nothing_else(fragment, new, question, vocabulary):
        return ""
    # Greedy: each value of the follow-up takes the best place that is left.
    taken: dict[int, Slot] = {}
    for slot in new:
        fits = [(_fit(question, one, fragment, slot, same=same), i) for i, one in enumerate(old) if i not in taken]
        best, place = max(fits, default=(0.0, 0))
        values = [i for i, one in enumerate(old) if one.kind == "value"]
        if best <= 0 and not same and slot.kind == "value" and not slot.refs and values:
            best, place = 0.1, values[-1]  # a name of which nothing is known
        if best <= 0 or place in taken:
            return ""
        taken[place] = slot
    return _replaced(question, fragment, old, taken)


def _whole(fragment: str) -> list[Slot]:
    """A fragment that is nothing but a preposition and a name, in whatever case."""
    found = _PREPOSITION.search(fragment[: fragment.rfind(" ") + 1]) or _PREPOSITION.match(fragment)
    return [Slot(found.end(), len(fragment), "value")] if found else []


def _says_nothing_else(fragment: str, found: Sequence[Slot], question: str, vocabulary: Vocabulary) -> bool:
    left = list(fragment)
    for slot in found:
        comparison = _COMPARISON.search(fragment[: slot.start])
        start = comparison.start() if comparison else slot.start
        left[start : slot.end] = " " * (slot.end - start)
    rest = re.findall(r"\w+", "".join(left))
    known = {fold(word) for word in re.findall(r"\w+", question)} | _AROUND
    return all(fold(word) in known or vocabulary.knows(word) for word in rest)


def _fit(question: str, old: Slot, fragment: str, new: Slot, *, same: bool) -> float:
    """How well `new` goes into the place of `old`; 0 for not at all."""
    # One column that stores both is the surest sign, then the kind, then the word before them.
    score = 3.0 if old.refs & new.refs else 0.0
    if not score and (same or (old.refs and new.refs and new.kind == old.kind == "value")):
        return 0.0
    if old.kind in _COUNTED and new.kind in _COUNTED:
        score += 2.0 if old.kind == new.kind else 0.5
    elif old.kind != new.kind:
        return 0.0
    if not score:
        here, there = _BEFORE.search(question[: old.start]), _BEFORE.search(fragment[: new.start])
        score = 1.0 if here and there and here[1].lower() == there[1].lower() else 0.0
    if not score:
        return 0.0
    behind = [re.match(r"\W*(\w+)", text[end:]) for text, end in ((question, old.end), (fragment, new.end))]
    alike = behind[0] and behind[1] and behind[0][1].lower() == behind[1][1].lower()
    compared = [
        _COMPARISON.search(text[:start]) is None for text, start in ((question, old.start), (fragment, new.start))
    ]
    return score + (0.5 if alike else 0.0) + (0.2 if compared[0] == compared[1] else 0.0)


def _replaced(question: str, fragment: str, old: Sequence[Slot], taken: dict[int, Slot]) -> str:
    """The question with the slots at these places replaced, from the end on so that places stay right."""
    for place in sorted(taken, reverse=True):
        slot, new = old[place], taken[place]
        before, said = question[: slot.start], fragment[: new.start]
        put = fragment[new.start : new.end]
        # A comparison replaces that of the old value; without one the old comparison stays.
        comparison = _COMPARISON.search(said)
        if comparison is not None:
            put = comparison[0] + put
            own = _COMPARISON.search(before) or _PREPOSITION.search(before)
            before = before[: own.start()] if own else before
        elif _BETWEEN.match(put):
            before = _PREPOSITION.sub("", before)
        elif _BETWEEN.match(question[slot.start : slot.end]):
            put = "".join(found[0] for found in (_PREPOSITION.search(said),) if found) + put
        elif _THE.search(said) and not _THE.search(before):
            put = f"the {put}"
        question = before + put + question[slot.end :]
    return question
