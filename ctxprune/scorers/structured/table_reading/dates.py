"""Dates and periods as people write them, read as intervals of years that can be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ctxprune.scorers.structured.table_reading.notation import CURRENCY, MEASURES

__all__ = ["MONTHS", "Value", "date_at"]

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
            "september sep sept", "october oct", "november nov", "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_NAMES = "|".join(sorted(MONTHS, key=len, reverse=True))
_THINGS = (  # what is measured or counted: a number before it is no year
    *sorted(MEASURES), "people", "persons", "inhabitants", "residents", "spectators", "fans", "votes", "points",
    "seats", "students", "employees", "members", "copies", "dollars", "euros", "pounds", "yen", "percent",
)  # fmt: skip
_YEAR = re.compile(
    r"(?:(?:fy|fiscal(?: year)?)\s?)?(1[4-9]\d\d|20\d\d)(?:\s?[-/]\s?(\d\d\d\d|\d\d)(?!\d))?(s?)(?!\d)(?![.,/⁄]\d)"
    rf"(?!\s?(?:%|{CURRENCY}|(?:{'|'.join(_THINGS)})\b))"
)
_PART = r"(?:q(?P<quarter>[1-4])|(?P<numbered>[1-4])q|h(?P<half>[12]))"
_PART_FIRST = re.compile(rf"{_PART}[\s/-]*(?:fy\s?)?(?P<year>(?:1[4-9]|20)\d\d)(?!\d)")
_YEAR_FIRST = re.compile(rf"(?:fy\s?)?(?P<year>(?:1[4-9]|20)\d\d)[\s/-]*{_PART}(?![^\W_])")
_ISO = re.compile(r"(1[4-9]\d\d|20\d\d)\s?[-/.]\s?(0?[1-9]|1[0-2])\s?[-/.]\s?(0?[1-9]|[12]\d|3[01])(?!\d)")
_SLASHED = re.compile(r"(0?[1-9]|[12]\d|3[01])[/.](0?[1-9]|[12]\d|3[01])[/.](1[4-9]\d\d|20\d\d)(?!\d)")
_MONTH_FIRST = re.compile(
    rf"(?P<month>{_NAMES})\b\.?\s*(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:))?,?\s*(?P<year>(?:1[4-9]|20)\d\d)?(?!\d)"
)
_DAY_FIRST = re.compile(
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s*(?:of\s+)?-?(?P<month>{_NAMES})\b\.?,?[\s-]*(?P<year>(?:1[4-9]|20)\d\d)?(?!\d)"
)


@dataclass(frozen=True, slots=True)
class Value:
    """What a text says as a number, from `low` to `high`.

    Attributes:
        low, high: The same for a plain number. Dates are years: March 2004 goes from 2004 + 2/12 to 2004 + 3/12, the
            1990s from 1990 to 2000. A day without a year is the fraction of one. Times ("3:25.4") are seconds.
        kind: "number", "percent", "ordinal", "year", "date", "day" or "time".
        start, end: Characters of the folded text that it was read from.
    """

    low: float
    high: float
    kind: str
    start: int = 0
    end: int = 0

    @property
    def dated(self) -> bool:
        """Whether it is a date or a period."""
        return self.kind in ("year", "date")


def date_at(text: str, start: int) -> Value | None:
    """The date or period that starts at `start` in a folded text; None where there is none."""
    for read in (_read_numeric, _read_named, _read_quarter, _read_year):
        if (value := read(text, start)) is not None:
            return value
    return None


def _read_numeric(text: str, start: int) -> Value | None:
    if match := _ISO.match(text, start):
        return _make_date(int(match[1]), int(match[2]), int(match[3]), match.span())
    if match := _SLASHED.match(text, start):
        first, second = int(match[1]), int(match[2])
        # Without a hint the American order; a first number over 12 can only be a day.
        month, day = (second, first) if first > 12 else (first, second)
        return _make_date(int(match[3]), month, day, match.span()) if month <= 12 else None
    return None


def _read_named(text: str, start: int) -> Value | None:
    for pattern in (_MONTH_FIRST, _DAY_FIRST):
        if match := pattern.match(text, start):
            if match["day"] is None and match["year"] is None and (match["month"] == "may" or match.end() < len(text)):
                continue  # "may" and "march" are words, too
            day, year = int(match["day"] or 0), int(match["year"] or 0)
            if day <= 31:
                return _make_date(year, MONTHS[match["month"]], day, match.span())
    return None


def _read_quarter(text: str, start: int) -> Value | None:
    """A quarter or half of a year ("Q1 2019", "2020 H2"); fiscal years are read as calendar years."""
    match = _PART_FIRST.match(text, start) or _YEAR_FIRST.match(text, start)
    if match is None:
        return None
    year, step = int(match["year"]), 2 if match["half"] else 4
    part = int(match["quarter"] or match["numbered"] or match["half"])
    return Value(year + (part - 1) / step, year + part / step, "date", *match.span())


def _read_year(text: str, start: int) -> Value | None:
    """A year, several ("2004-05") or a decade."""
    match = _YEAR.match(text, start)
    if match is None:
        return None
    first = int(match[1])
    if match[3]:
        return Value(first, first + 10.0, "year", *match.span())
    last = first if match[2] is None else int(match[2] if len(match[2]) == 4 else match[1][:2] + match[2])
    if last < first:
        last = first if match[2] is None or len(match[2]) == 4 else first + 1
    return Value(first, last + 1.0, "year", *match.span())


def _make_date(year: int, month: int, day: int, span: tuple[int, int]) -> Value:
    low = year + (month - 1) / 12 + (max(day, 1) - 1) / 372
    high = low + (1 / 372 if day else 1 / 12)
    return Value(low, high, "date" if year else "day", *span)
