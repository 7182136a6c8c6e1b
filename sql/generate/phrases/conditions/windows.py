"""How a question bounds its periods: "between A and B", "since A", "before A", "A or B"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from .periods import find_periods

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .periods import Period

__all__ = ["Window", "find_windows"]

Days = tuple[date | None, date | None]

_THE = r"(?:\s+(?:the|year|date|day|month|of))*\s*$"
_BEFORE = tuple(
    (re.compile(rf"\b(?:{words}){_THE}"), op)
    for words, op in (
        (r"(?:not|n't|no)\s+(?:in|on|during|from)|other than(?: in| on)?|except(?: for)?(?: in| on| during)?|"
         r"outside(?: of)?|excluding", "!="),
        (r"(?:not|no|n't)\s+(?:later than|after|past)", "<="),
        (r"(?:not|no|n't)\s+(?:earlier than|before|prior to)", ">="),
        (r"since(?: the (?:start|beginning) of)?|(?:in|on|at) or after|after or (?:in|on)|"
         r"starting(?: in| from| on| with)?|beginning(?: in| from| on| with)?|as of|from on or after|"
         "at least|>=", ">="),
        (r"(?:in|on|at) or before|before or (?:in|on)|(?:up )?(?:until|till)(?: the end of)?|up to(?: the end of)?|"
         r"through|by(?: the end of)?|ending(?: in| on)?|at most|<=", "<="),
        (r"after(?: the end of)?|later than|past|following|newer than|more recent(?:ly)? than|>", ">"),
        (r"(?:before|prior to|earlier than|older than|ahead of)(?: the (?:start|beginning) of)?|<", "<"),
    )
)  # fmt: skip
_AFTER = (
    (
        re.compile(r",?\s*(?:(?:or|and)\s+(?:later|after|newer|onwards?|beyond)\b|onwards?\b)(?!\s+(?:than|the|\d))"),
        ">=",
    ),
    (re.compile(r",?\s*(?:or|and)\s+(?:earlier|before|older)\b(?!\s+(?:than|the|\d))"), "<="),
)
_ON = re.compile(r"\s+on\b(?!\s+\w*\s*\d)")
_LEAD = re.compile(rf"\b(?:in|on|during|within|throughout|over|since|until|dated?){_THE}|=\s*$")
_WEAK = re.compile(rf"\b(?:of|for|at|from|to|by|is|was|year|and|or|as){_THE}|[,(]\s*$")
_OPENED = re.compile(rf"\b(between|from|ranging from|in between){_THE}")
_NUMBER = re.compile(
    r"(?<!later )(?<!earlier )(?<!older )(?<!newer )(?<!recent )(?<!recently )"
    r"\b(?:than|over|above|under|below|exceeding)\s+$"
)
_PART = re.compile(
    r"\b(?:(?:(?:the|at|in)\s+)*(?:beginning|start|end|middle|(?:first|last|second|third)\s+(?:weeks?|days?|half))\s+of"
    r"|early(?:\s+in)?|late(?:\s+in)?|mid(?:dle)?)(?:[\s-]+the)?[\s-]+$"
)
_ENDS = r"\s*(?:,?\s*\(?\b(inclusive|exclusive|included|excluded)(?:ly)?\b[^)\n]{0,30}\)?)?\s*"
_JOINED = re.compile(
    rf"{_ENDS}(?:,\s*)?(and|to|until|till|through|up to|and before|-|–|—)(?:\s+the(?:\s+(?:end|start) of)?)?\s*"
)
_LISTED = re.compile(r"\s*(?:,|,?\s*(?:or|and)(?:\s+(?:also\s+)?in)?|/)\s*(?:the\s+)?(?:year\s+)?")
_CLOSED = re.compile(_ENDS)
_EXCLUDES = ("exclusive", "excluded")


@dataclass(frozen=True, slots=True)
class Window:
    """Days that characters [start, end) of a question ask for.

    Attributes:
        days: Half-open ranges of days, one of which must hold; None is no bound. () for a part of any year.
        negated: They must not hold.
        month, quarter, day: Of a part of any year, what is said of it.
        other: A second reading of `days`; () for none.
        unit: Of its first period.
        led: A word says that a time is meant ("in", "since"); a bare number such as 2020 may be anything.
        problem: Why no day can be meant; "" otherwise.
    """

    start: int
    end: int
    days: tuple[Days, ...] = ()
    negated: bool = False
    month: int = 0
    quarter: int = 0
    day: int = 0
    other: tuple[Days, ...] = ()
    unit: str = "day"
    led: bool = True
    problem: str = ""


def find_windows(text: str, today: date) -> list[Window]:
    """The windows of a text in lower case, in its order, disjoint."""
    periods = find_periods(text, today)
    found: list[Window] = []
    place = 0
    while place < len(periods):
        # "higher than 2000" compares a number.
        if periods[place].unit == "year" and _NUMBER.search(text[: periods[place].start]):
            place += 1
            continue
        window, used = _window(text, periods, place)
        found.append(window)
        place += used
    return found


def _window(text: str, periods: Sequence[Period], place: int) -> tuple[Window, int]:
    one = periods[place]
    two = periods[place + 1] if place + 1 < len(periods) else None
    if two is not None and (pair := _pair(text, one, two)) is not None:
        return pair, 2
    listed = [one]
    for other in periods[place + 1 :]:
        # "in 2019 and in 2021" asks for both years, which no row has at once.
        if other.unit != one.unit or not _LISTED.fullmatch(text[listed[-1].end : other.start]):
            break
        listed.append(other)
    if len(listed) > 1 and not one.problem:
        return _list(text, listed), len(listed)
    return _single(text, one), 1


def _pair(text: str, one: Period, two: Period) -> Window | None:
    """One window for "between A and B", "from A to B" and "A to B"; None where these two are no such pair."""
    joined = _JOINED.fullmatch(text[one.end : two.start])
    opened = _OPENED.search(text[: one.start])
    if joined is None or (opened is None and (joined[2] == "and" or one.unit != two.unit)):
        return None
    if opened is not None and joined[2] == "and" and "from" in opened[1] and one.low is not None:
        return None  # "from 2019 and 2020" is a list
    start = opened.start() if opened is not None else one.start
    closed = _CLOSED.match(text, two.end)
    end = _end(text, two.end, closed)
    problem = one.problem or two.problem
    one, two = _same_year(one, two)
    if problem:
        return Window(start, end, problem=problem, unit=one.unit)
    if one.low is None or two.low is None:
        return Window(start, end, unit=one.unit, problem="the year of these months is not said")
    low = one.high if joined[1] in _EXCLUDES else one.low
    excluded = (closed is not None and closed[1] in _EXCLUDES) or joined[2] == "and before"
    high = two.low if excluded else two.high
    if low is None or high is None or low >= high:
        return Window(start, end, problem=f"{text[start:end].strip()!r} ends before it begins", unit=one.unit)
    return Window(start, end, ((low, high),), unit=one.unit, led=opened is not None or one.unit != "year")


def _end(text: str, end: int, closed: re.Match[str] | None) -> int:
    """The end of the span with "inclusive" after it, and what else stands in its parentheses."""
    if closed is None or not closed[1]:
        return end
    inside = text[end : closed.end()]
    return closed.end() if "(" in inside and inside.rstrip().endswith(")") else closed.end(1)


def _same_year(one: Period, two: Period) -> tuple[Period, Period]:
    """A month without a year takes that of the other end: "between April and June 2022"."""
    if one.low is None and two.low is not None and not one.problem:
        year = two.low.year
        made = one.in_year(year)
        # "from November to February 2023" begins in the year before.
        return (one.in_year(year - 1) if made.low is not None and made.low > two.low else made), two
    if two.low is None and one.low is not None and not two.problem:
        made = two.in_year(one.low.year)
        return one, (two.in_year(one.low.year + 1) if made.low is not None and made.low < one.low else made)
    return one, two


def _list(text: str, listed: Sequence[Period]) -> Window:
    first, last = listed[0], listed[-1]
    year = next((one.low.year for one in reversed(listed) if one.low is not None), None)
    known = [one.in_year(year) if year is not None else one for one in listed]
    op, start = _said_before(text, first)
    if re.search(r"\bboth\s+(?:in\s+)?$", text[: first.start]):
        return Window(start, last.end, problem="no single row lies in both periods", unit=first.unit)
    problem = next((one.problem for one in known if one.problem), "")
    if problem or any(one.low is None for one in known):
        return Window(first.start, last.end, problem=problem or "the year is not said", unit=first.unit)
    if op in ("=", "!="):
        days = _merged([(one.low, one.high) for one in known])
        return Window(start, last.end, days, op == "!=", unit=first.unit, led=_is_led(text, first))
    # "after 2019 or 2020": only the first one stands beside the word; what the other means is unclear.
    return replace(_single(text, known[0]), end=last.end)


def _merged(days: Sequence[Days]) -> tuple[Days, ...]:
    """Neighbouring years or months as one range, in order of time."""
    merged: list[Days] = []
    for low, high in sorted(days, key=lambda pair: pair[0] or date.min):
        if merged and merged[-1][1] == low:
            merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


def _single(text: str, one: Period) -> Window:
    op, start = _said_before(text, one)
    end = one.end
    for pattern, said in _AFTER:
        if op == "=" and (after := pattern.match(text, one.end)):
            op, end = said, after.end()
    # "from 2020 on"; alone "from 2020" means in that year.
    if op == "=" and re.search(r"\bfrom\s*$", text[: one.start]) and (after := _ON.match(text, one.end)):
        op, end = ">=", after.end()
    if one.problem:
        return Window(start, end, problem=one.problem, unit=one.unit)
    part = _PART.search(text[: one.start])
    if part is not None and op == "=":
        # "at the end of 2022" says no exact days.
        return Window(part.start(), end, problem=f"{text[part.start() : one.end]!r} names no exact days", unit=one.unit)
    led = _is_led(text, one) or op != "="
    if one.low is None:
        if op not in ("=", "!="):
            return Window(start, end, problem="the year is not said", unit=one.unit, led=led)
        return Window(start, end, (), op == "!=", one.month, one.quarter, one.day, (), one.unit, led)
    days = (_days(op, one.low, one.high),)
    other: tuple[Days, ...] = ()
    if one.other is not None:
        other = (_days(op, one.other, date.fromordinal(one.other.toordinal() + 1)),)
    return Window(start, end, days, op == "!=", other=other, unit=one.unit, led=led)


def _days(op: str, low: date | None, high: date | None) -> Days:
    sides = {">=": (low, None), ">": (high, None), "<": (None, low), "<=": (None, high)}
    return sides.get(op, (low, high))


def _said_before(text: str, one: Period) -> tuple[str, int]:
    """The comparison that stands before a period, and where its words begin."""
    before = text[max(0, one.start - 60) : one.start]
    offset = max(0, one.start - 60)
    for pattern, op in _BEFORE:
        # A spell reaches from its first day until now, whatever stands before it: "over the last 30 days".
        if one.unit == "spell" and op not in ("!=",):
            continue
        if match := pattern.search(before):
            return op, offset + match.start()
    lead = _LEAD.search(before) or _WEAK.search(before)
    if lead is not None and before[lead.start()].isalpha() and not lead.group().startswith(("and", "or", "is", "was")):
        return "=", offset + lead.start()
    return "=", one.start


def _is_led(text: str, one: Period) -> bool:
    # Only a bare year can be taken for another number.
    return one.unit != "year" or not text[one.start : one.end].isdigit() or bool(_LEAD.search(text[: one.start]))
