"""Conditions on missing values: "without an email", "no phone recorded", "still open", "have declared a major"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS

from .absence import spoken_table
from .booleans import truth_values, without_prefix
from .build import column, is_null
from .clauses import Clause, Option
from .events import same_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...sketch.analysis import Token
    from .inputs import Inputs

__all__ = ["read_nulls"]

_A = r"(?:\s+(?:a|an|any|the|their|its|his|her|known|valid|recorded|specified))*\s+$"
_RECORDED = (
    r"(?:recorded|listed|specified|given|provided|known|available|set|stored|entered|registered|on file|on record|"
    r"declared|assigned|filled in|documented|noted|present)"
)
_ABSENT = r"(?:missing|unknown|null|empty|blank|absent|undefined|unspecified|not (?:yet )?(?:been )?" + _RECORDED + ")"
# Right before the name of a column.
_WITHOUT = re.compile(
    r"\b(?:without|with no|(?:have|has|had|having|there is) no|lack(?:s|ing)?|missing|with (?:a |an )?(?:"
    r"missing|unknown|null|empty|unspecified)|(?:do|does|did) ?n[o'’]?t have|no|unknown|whose)" + _A
)
_WITH = re.compile(
    r"\b(?:with (?:a |an )?(?:known|recorded|valid|specified|registered)|(?:have|has|had|having|with)(?: ?n[o'’]t)? "
    r"(?:declared|recorded|specified|provided|given|registered|entered|set|added)|declared|who have|that have|"
    r"which have|having|with)" + _A
)
# Right after it.
_IS_ABSENT = re.compile(rf"\s+(?:is|are|was|were|has|have|being)?\s*{_ABSENT}\b")
_IS_PRESENT = re.compile(
    rf"\s+(?:is|are|was|were|has been|have been)\s*(?:not (?:null|missing|empty|unknown)|{_RECORDED})\b"
)
_ENDS = re.compile(r"\s*(?:$|[.?!,;)]|(?:and|or|but|who|that)\b)")
_VALUED = re.compile(r"\s+(?:of\s+|called\s+|named\s+|in\s+)?[\"'“‘\d]")  # a value follows
_SOME = re.compile(r"\ban?\s+$")
_NO_RECORDED = re.compile(rf"\s+{_RECORDED}\b")
_NOT_YET = re.compile(
    r"\b(?:(?:has|have|had|is|are|was|were)(?: ?n[o'’]t| not) (?:yet )?(?:been )?(?:yet )?|(?:did|do|does)"
    r"(?: ?n[o'’]t| not) (?:yet )?(?:get )?|never (?:been )?|not (?:yet )?(?:been )?|yet to be )$"
)
_STILL = re.compile(r"\b(?:still|currently|remain(?:s|ing)?|as yet) $")
_WAS = re.compile(r"\b(?:(?:that|which|who|has|have|had|is|are|was|were|got|get|been)\s+)+$")
_ENDED = re.compile(r"\s*(?:$|[.?!,;)]|(?:and|or|but|by|per|for each|in each|each|this|last)\b)")
_OPEN_WORDS = frozenset({"open", "active", "ongoing", "running", "unfinished", "pending", "outstanding", "unresolved"})
_END_STEMS = ("end", "close", "closed", "finish", "complete", "completed", "return", "returned", "resolve", "resolved",
              "leave", "left", "terminate", "discharge", "discharged", "until", "stop", "expire")  # fmt: skip
_TIMED = frozenset({"date", "at", "time", "on", "ts", "datetime", "timestamp", "day", "by"})


def read_nulls(inputs: Inputs, days: Sequence[tuple[int, int]] = ()) -> list[Clause]:
    """The clauses that ask for a missing or for a present value; `days` are the spans of days, which events have."""
    return [
        clause
        for number in range(len(inputs.view.columns))
        if _may_lack(inputs, number)
        for clause in (*_named(inputs, number), *_events(inputs, number, days))
    ]


def _may_lack(inputs: Inputs, number: int) -> bool:
    facts = inputs.facts(number)
    return inputs.column(number).nullable and not facts.key and truth_values(inputs, number) is None


def _named(inputs: Inputs, number: int) -> Iterator[Clause]:
    """ "without a phone number", "whose email is unknown", "who have declared a major"."""
    for first, last, fit in _places(inputs, number):
        start, end = inputs.tokens[first].start, inputs.tokens[last - 1].end
        before, after = inputs.text[:start], inputs.text[end:]
        lacking, having = _WITHOUT.search(before), _WITH.search(before)
        absent, present = _IS_ABSENT.match(after), _IS_PRESENT.match(after)
        begins = lacking.start() if lacking is not None else start
        if absent is not None:
            yield _clause(inputs, number, (start, end + absent.end()), fit, missing=True, clear=0.9)
        elif lacking is not None and not lacking.group().startswith("whose") and not _VALUED.match(after):
            tail = _NO_RECORDED.match(after)
            ends = end + (tail.end() if tail is not None else 0)
            yield _clause(inputs, number, (begins, ends), fit, missing=True, clear=1.0 if tail is not None else 0.7)
        elif present is not None and (fit >= 0.8 or "null" in present.group()):
            yield _clause(inputs, number, (start, end + present.end()), fit, missing=False, clear=0.8)
        elif having is not None:
            telling = re.search(_RECORDED, having.group()) is not None
            # "with a rating above 4" has a comparison after it, which says more.
            names_table = any(first <= place < last for places in inputs.named_tables.values() for place, _ in places)
            if telling or (_ENDS.match(after) and not names_table and _SOME.search(having.group())):
                yield _clause(inputs, number, (having.start(), end), fit, missing=False, clear=0.8 if telling else 0.0)


def _places(inputs: Inputs, number: int) -> Iterator[tuple[int, int, float]]:
    """Tokens [first, last) that name the column as a whole, and how well."""
    position = 0
    while position < len(inputs.tokens):
        last, fit = position, 0.0
        while last < len(inputs.tokens) and (one := inputs.fits(last, number)) > 0:
            last, fit = last + 1, fit + one
        # "without a shipping date"
        last += fit > 0 and last < len(inputs.tokens) and inputs.tokens[last].text in ("date", "time", "timestamp")
        if fit >= 0.45:
            yield position, last, min(1.0, fit)
        position = max(last, position + 1)


def _events(inputs: Inputs, number: int, days: Sequence[tuple[int, int]]) -> Iterator[Clause]:
    """ "has not been returned", "still open", "unpaid": the column of the day on which it happened is empty."""
    stems = inputs.parts[number]
    if _TIMED.isdisjoint(stems) and inputs.facts(number).kind != "date":
        return
    events = [part for part in stems if part not in _TIMED]
    for token in inputs.tokens:
        if token.text in STOP_WORDS and token.text != "open":
            continue
        if any(0 <= start - token.end <= 2 for start, _ in days):
            continue  # "not placed in 2022" denies the year
        before = inputs.text[: token.start]
        bare = without_prefix(token.text)
        denied = _NOT_YET.search(before)
        if denied is not None and _is_event(token.text, token.stem, events):
            yield _clause(inputs, number, (denied.start(), token.end), 0.8, missing=True, clear=0.8)
        elif bare and _is_event(bare, bare, events):
            yield _clause(inputs, number, (token.start, token.end), 0.5, missing=True, clear=0.2)
        elif token.text in _OPEN_WORDS and not set(events).isdisjoint(_END_STEMS):
            still = _STILL.search(before)
            begins = still.start() if still is not None else token.start
            clear = 0.8 if still is not None else 0.0
            yield _clause(inputs, number, (begins, token.end), 0.6, missing=True, clear=clear)
        elif (
            re.search(r"\b(?:has|have|had|already) (?:already )?been $", before)
            and _is_event(token.text, token.stem, events)
        ) or _happened(inputs, number, token, events):
            yield _clause(inputs, number, (token.start, token.end), 0.6, missing=False, clear=-0.4)


def _happened(inputs: Inputs, number: int, token: Token, events: list[str]) -> bool:
    """Whether a past tense says of a row that it has the day: "cancelled bookings", "bookings that were cancelled"."""
    if not token.text.endswith("ed") or token.stem not in events:
        return False
    before, after = inputs.text[: token.start], inputs.text[token.end :]
    place = inputs.tokens.index(token) + 1
    own = any(at == place for at, _ in inputs.named_tables.get(inputs.facts(number).table, ()))
    return own or (_WAS.search(before) is not None and _ENDED.match(after) is not None)


def _is_event(text: str, root: str, events: list[str]) -> bool:
    return len(text) >= 4 and any(root == part or (len(part) >= 4 and same_event(text, part)) for part in events)


def _clause(inputs: Inputs, number: int, span: tuple[int, int], fit: float, *, missing: bool, clear: float) -> Clause:
    facts = inputs.facts(number)
    first, _ = inputs.covered(*span)
    score = 0.2 + 0.25 * fit + 0.3 * clear + 0.25 * inputs.spoken(facts.table, first)
    # The rows that are asked for are those of the table named before: "products never ordered".
    subject = spoken_table(inputs, first)
    score *= 1.0 if subject in (None, facts.table) else 0.75
    test = is_null(column(facts.ref, inputs.dialect), negated=not missing)
    start = span[0] + len(inputs.text[span[0] : span[1]]) - len(inputs.text[span[0] : span[1]].lstrip())
    return Clause(start, span[1], (Option(round(min(1.0, score), 4), test, (facts.ref.table,), "null"),))
