"""Periods that a question names: days, months, quarters, years, decades and spans that count from today.

A period is half-open: it holds every moment of the days from `low` up to, and not including, `high`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice

from ....values.dates import MONTHS

__all__ = ["Period", "add_months", "find_periods"]

_MOST = 40
_LEADS = frozenset(
    [
        "in",
        "during",
        "of",
        "since",
        "before",
        "after",
        "until",
        "till",
        "from",
        "between",
        "through",
        "to",
        "for",
        "by",
        "every",
        "each",
        "month",
    ]
)
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_YEAR = r"(?P<Y>1[0-9]{3}|2[0-9]{3})(?![\d%]|[.,]\d)"
_DAY = r"(?P<d>3[01]|[12]\d|0?[1-9])(?!\d)"
_ORDINALS = {
    "first": 1, "1st": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4, "last": 4, "final": 4,
}  # fmt: skip
_COUNTS = {
    "one": 1, "a": 1, "an": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "twelve": 12, "couple of": 2, "few": 3,
}  # fmt: skip
_COUNT = r"(?P<n>\d{1,4}|one|two|three|four|five|six|seven|eight|nine|ten|twelve|an|a)"
_UNIT = r"(?P<unit>day|week|month|quarter|year|decade)s?"
_OF = r"(?:\s*,)?\s+(?:of\s+|in\s+)?(?:the\s+)?(?:year\s+)?"
_B, _A = r"(?<![\w./-])", r"(?![\w/]|-\d)"

# The longest forms come first: a period takes its characters from those after it.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(text))
    for kind, text in (
        ("ymd", rf"{_B}(?P<Y>[12]\d{{3}})([-/.])(?P<m>\d{{1,2}})\2(?P<d>\d{{1,2}})(?!\w|[-/]\d)"
                r"(?:[ t]\d{1,2}:\d{2}(?::\d{2})?)?"),
        ("xxy", rf"{_B}(?P<x>\d{{1,2}})([-/.])(?P<z>\d{{1,2}})\2(?P<Y>[12]\d{{3}}){_A}"),
        ("day", rf"\b(?P<b>{_MONTH})\.?\s+(?:the\s+)?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s*(?:of\s+)?{_YEAR}{_A}"),
        ("day", rf"{_B}(?:the\s+)?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<b>{_MONTH})\.?,?\s+"
                rf"(?:of\s+)?{_YEAR}{_A}"),
        ("day", rf"{_B}(?P<d>\d{{1,2}})-(?P<b>{_MONTH})-{_YEAR}{_A}"),
        ("month", rf"\b(?P<b>{_MONTH})\b\.?{_OF}{_YEAR}{_A}"),
        ("month", rf"{_B}{_YEAR}\s+(?P<b>{_MONTH})\b"),
        ("month", rf"{_B}(?P<Y>[12]\d{{3}})[-/](?P<m>0[1-9]|1[0-2]){_A}"),
        ("month", rf"{_B}(?P<m>0?[1-9]|1[0-2])/(?P<Y>[12]\d{{3}}){_A}"),
        ("quarter", rf"\b(?:the\s+)?(?P<o>{'|'.join(_ORDINALS)})\s+quarter{_OF}{_YEAR}{_A}"),
        ("quarter", rf"\bq(?P<q>[1-4]){_OF}{_YEAR}{_A}"),
        ("quarter", rf"\bquarter\s+(?P<q>[1-4]){_OF}{_YEAR}{_A}"),
        ("quarter", rf"{_B}{_YEAR}[\s-]*(?:q|quarter\s+)(?P<q>[1-4])\b"),
        ("half", rf"\b(?:the\s+)?(?P<o>first|second|last|1st|2nd)\s+half{_OF}{_YEAR}{_A}"),
        ("half", rf"\bh(?P<q>[12]){_OF}{_YEAR}{_A}"),
        ("decade", r"\b(?:the\s+)?(?P<Y>[12]\d{2}0)['’]?s\b"),
        ("decade", r"\b(?:the\s+)['’]?(?P<t>[1-9]0)['’]?s\b"),
        ("century", r"\b(?:the\s+)?(?P<c>1\d|2[01])(?:st|th)\s+century\b"),
        ("spell", rf"\b(?:the\s+)?(?:last|past|previous|preceding|prior|trailing)\s+{_COUNT}\s+{_UNIT}\b"),
        ("spell", rf"\bwithin\s+(?:the\s+)?(?:last|past)\s+{_UNIT}\b"),
        ("ahead", rf"\b(?:the\s+)?(?:next|coming|following)\s+{_COUNT}\s+{_UNIT}\b"),
        ("ago", rf"\b{_COUNT}\s+{_UNIT}\s+ago\b"),
        ("todate", r"\b(?P<unit>year|month|quarter|week)[\s-]to[\s-]date\b|\bytd\b"),
        ("now", rf"\b(?P<rel>this|current|last|previous|past|next)\s+(?P<b>{_MONTH})\b(?!\s+\d)"),
        ("rel", rf"\b(?:the\s+)?(?P<rel>this|current|last|previous|past|next|coming)\s+(?:calendar\s+)?{_UNIT}\b"),
        ("today", r"\b(?P<rel>today|yesterday|tomorrow|the day before yesterday)\b"),
        ("open day", rf"\b(?P<b>{_MONTH})\.?\s+(?:the\s+)?{_DAY}(?:st|nd|rd|th)?\b"),
        ("open day", rf"{_B}(?:the\s+)?{_DAY}(?:st|nd|rd|th)?\s+(?:of\s+)?(?P<b>{_MONTH})\b\.?"),
        ("open quarter", rf"\b(?:the\s+)?(?P<o>{'|'.join(_ORDINALS)})\s+quarter\b|\bq(?P<q>[1-4])\b"),
        ("open month", rf"\b(?P<b>{_MONTH})\b\.?"),
        ("year", rf"(?<![\w.,/$€£#])(?<![^\d]-)(?:the\s+)?(?:calendar\s+)?(?:year\s+)?{_YEAR}"
                 r"(?!\w|[/:]\d|-(?![12]\d{3}\b))"),
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Period:
    """Days that characters [start, end) of a question name.

    Attributes:
        unit: "day", "week", "month", "quarter", "half", "year", "decade", "century" or "spell".
        low: The first day; None for a month, quarter or day whose year is not said.
        high: The day after the last one.
        month, quarter, day: What is said of a period without a year; 0 for nothing.
        other: The second reading of "03/04/2022", which is a day in March or in April.
        problem: Why there is no such period; "" where there is.
        relative: It counts from today.
    """

    start: int
    end: int
    unit: str
    low: date | None = None
    high: date | None = None
    month: int = 0
    quarter: int = 0
    day: int = 0
    other: date | None = None
    problem: str = ""
    relative: bool = False

    def in_year(self, year: int) -> Period:
        """The same month, quarter or day in a year; itself where it has one."""
        if self.low is not None or self.problem:
            return self
        if self.day:
            made = _day(self.start, self.end, (year, self.month, self.day))
        elif self.quarter:
            made = _months(self.start, self.end, year, 3 * self.quarter - 2, 3)
        else:
            made = _months(self.start, self.end, year, self.month, 1)
        return replace(made, month=self.month, quarter=self.quarter)


def add_months(day: date, months: int) -> date:
    """The same day of the month that many months later; the month's last day where it is shorter.

    Raises nothing: years end at 1 and 9999.
    """
    total = min(max(day.year * 12 + day.month - 1 + months, 12), 9999 * 12 + 11)
    year, month = divmod(total, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def find_periods(text: str, today: date) -> list[Period]:
    """The periods of a text in lower case, in its order, disjoint; at most 40. Impossible days have a `problem`."""
    found: list[Period] = []
    for kind, pattern in _PATTERNS:
        for match in islice(pattern.finditer(text), _MOST):
            start, end = match.span()
            if any(one.start < end and start < one.end for one in found):
                continue
            made = _READ[kind](match, today)
            if made is not None:
                found.append(made)
    return sorted(found, key=lambda one: one.start)[:_MOST]


def _month_of(match: re.Match[str]) -> int:
    parts = match.groupdict()
    return int(parts["m"]) if parts.get("m") else MONTHS[parts["b"]]


def _day(start: int, end: int, parts: tuple[int, int, int]) -> Period:
    year, month, number = parts
    try:
        low = date(year, month, number)
    except ValueError:
        return Period(start, end, "day", problem=f"there is no day {year:04d}-{month:02d}-{number:02d}")
    return Period(start, end, "day", low, low + timedelta(1), month=month, day=number)


def _months(start: int, end: int, year: int, month: int, count: int) -> Period:
    low = date(year, month, 1)
    unit = {1: "month", 3: "quarter", 6: "half"}[count]
    return Period(start, end, unit, low, add_months(low, count))


def _years(match: re.Match[str], unit: str, year: int, count: int) -> Period:
    return Period(*match.span(), unit, date(year, 1, 1), date(min(year + count, 9999), 1, 1))


def _ymd(match: re.Match[str], _: date) -> Period:
    return _day(*match.span(), (int(match["Y"]), int(match["m"]), int(match["d"])))


def _two_ways(match: re.Match[str], _: date) -> Period:
    """A day written 03/04/2022: month first, as the common reading, and day first where both exist."""
    year, one, two = int(match["Y"]), int(match["x"]), int(match["z"])
    ways = [_day(*match.span(), (year, *parts)) for parts in ((one, two), (two, one))]
    real = [way for way in ways if not way.problem] or ways[:1]
    other = real[1].low if len(real) > 1 and real[1].low != real[0].low else None
    return replace(real[0], other=other)


def _named_day(match: re.Match[str], _: date) -> Period:
    return _day(*match.span(), (int(match["Y"]), _month_of(match), int(match["d"])))


def _month(match: re.Match[str], _: date) -> Period:
    return _months(*match.span(), int(match["Y"]), _month_of(match), 1)


def _part(match: re.Match[str]) -> int:
    parts = match.groupdict()
    return int(parts["q"]) if parts.get("q") else _ORDINALS[parts["o"] or ""]


def _quarter(match: re.Match[str], _: date) -> Period:
    return _months(*match.span(), int(match["Y"]), 3 * _part(match) - 2, 3)


def _half(match: re.Match[str], _: date) -> Period:
    return _months(*match.span(), int(match["Y"]), 1 if _part(match) == 1 else 7, 6)


def _decade(match: re.Match[str], _: date) -> Period:
    parts = match.groupdict()
    return _years(match, "decade", int(parts["Y"]) if parts.get("Y") else 1900 + int(parts["t"]), 10)


def _century(match: re.Match[str], _: date) -> Period:
    # The 20th century begins with the year 1901.
    return _years(match, "century", 100 * int(match["c"]) - 99, 100)


def _count(match: re.Match[str]) -> int:
    text = match.groupdict().get("n") or "1"
    return int(text) if text.isdigit() else _COUNTS[text]


def _moved(day: date, unit: str, count: int) -> date:
    if unit in ("day", "week"):
        days = count * (7 if unit == "week" else 1)
        ordinal = min(max(day.toordinal() + days, 1), date.max.toordinal() - 1)
        return date.fromordinal(ordinal)
    return add_months(day, count * {"month": 1, "quarter": 3, "year": 12, "decade": 120}[unit])


def _spell(match: re.Match[str], today: date) -> Period:
    """The last 30 days: from 30 days before today up to the end of today."""
    low = _moved(today, match["unit"], -_count(match))
    return Period(*match.span(), "spell", low, today + timedelta(1), relative=True)


def _ahead(match: re.Match[str], today: date) -> Period:
    high = _moved(today, match["unit"], _count(match))
    return Period(*match.span(), "spell", today, high + timedelta(1), relative=True)


def _ago(match: re.Match[str], today: date) -> Period:
    low = _moved(today, match["unit"], -_count(match))
    return Period(*match.span(), "day", low, low + timedelta(1), relative=True)


def _start_of(day: date, unit: str) -> date:
    if unit == "day":
        return day
    if unit == "week":
        return day - timedelta(day.weekday())
    if unit == "month":
        return day.replace(day=1)
    if unit == "quarter":
        return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    return date(day.year if unit == "year" else day.year - day.year % 10, 1, 1)


def _to_date(match: re.Match[str], today: date) -> Period:
    low = _start_of(today, match["unit"] or "year")
    return Period(*match.span(), "spell", low, today + timedelta(1), relative=True)


def _relative(match: re.Match[str], today: date) -> Period:
    unit, rel = match["unit"], match["rel"]
    steps = {"this": 0, "current": 0, "next": 1, "coming": 1}.get(rel, -1)
    low = _start_of(_moved(_start_of(today, unit), unit, steps), unit)
    return Period(*match.span(), unit, low, _moved(low, unit, 1), relative=True)


def _relative_month(match: re.Match[str], today: date) -> Period:
    month, rel = MONTHS[match["b"]], match["rel"]
    year = today.year
    if rel in ("last", "previous", "past") and month >= today.month:
        year -= 1
    elif rel == "next" and month <= today.month:
        year += 1
    return replace(_months(*match.span(), year, month, 1), relative=True)


def _named_today(match: re.Match[str], today: date) -> Period:
    steps = {"today": 0, "yesterday": -1, "tomorrow": 1}.get(match["rel"], -2)
    low = _moved(today, "day", steps)
    return Period(*match.span(), "day", low, low + timedelta(1), relative=True)


def _open_day(match: re.Match[str], _: date) -> Period | None:
    month, number = MONTHS[match["b"]], int(match["d"])
    if number > monthrange(2024, month)[1]:  # a leap year, in which every day of the calendar exists
        return Period(*match.span(), "day", problem=f"there is no day {number} in month {month}")
    return Period(*match.span(), "day", month=month, day=number)


def _open_quarter(match: re.Match[str], _: date) -> Period:
    return Period(*match.span(), "quarter", quarter=_part(match))


def _open_month(match: re.Match[str], _: date) -> Period | None:
    # "may" and "mar" are also other words: only right after a word that leads a time.
    before = match.string[: match.start()].split()[-2:]
    # The second end of "from March to May" follows "and" or "to".
    if not before or (before[-1] not in _LEADS and before[-1] not in {"and", "or"}):
        return None
    if len(match["b"]) == 3 and match["b"] != "may" and not match.group().endswith("."):
        return None
    if match["b"] == "may" and before[-1] in {"and", "or"} and "between" not in match.string[: match.start()]:
        return None
    return Period(*match.span(), "month", month=MONTHS[match["b"]])


def _year(match: re.Match[str], _: date) -> Period:
    return _years(match, "year", int(match["Y"]), 1)


_READ = {
    "ymd": _ymd, "xxy": _two_ways, "day": _named_day, "month": _month, "quarter": _quarter, "half": _half,
    "decade": _decade, "century": _century, "spell": _spell, "ahead": _ahead, "ago": _ago, "todate": _to_date,
    "now": _relative_month, "rel": _relative, "today": _named_today, "open day": _open_day,
    "open quarter": _open_quarter, "open month": _open_month, "year": _year,
}  # fmt: skip
