"""Which words of a question the days of a query come from: dates, months, quarters, years and "last 30 days"."""

from __future__ import annotations

import re
from calendar import monthrange
from typing import TYPE_CHECKING

from ..values.dates import MONTHS, valid
from .lexicon import MONTH_WORDS, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..values.dates import Day
    from .parts import Literal, QueryParts
    from .question import Asked, Word

__all__ = ["find_periods", "is_day", "read_days"]

_ISO = re.compile(r"(?<!\d)([12]\d{3})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?!\d)")
_SLASHED = re.compile(r"(?<!\d)(\d{1,2})[/.](\d{1,2})[/.]([12]\d{3})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)([12]\d{3})(\d{2})(\d{2})(?!\d)")
_QUARTERS = {"q1": 1, "q2": 4, "q3": 7, "q4": 10, "first": 1, "second": 4, "third": 7, "fourth": 10, "1st": 1, "2nd": 4,
             "3rd": 7, "4th": 10}  # fmt: skip
_LEAST_YEAR, _MOST_YEAR = 1000, 2999


def read_days(text: str) -> Iterator[Day]:
    """Days, months (day 0) and years (month 0) that a literal names, in either order of day and month."""
    for match in _ISO.finditer(text):
        day = (int(match[1]), int(match[2] or 0), int(match[3] or 0))
        if _possible(day):
            yield day
    for match in _COMPACT.finditer(text):
        day = (int(match[1]), int(match[2]), int(match[3]))
        if _possible(day):
            yield day
    for match in _SLASHED.finditer(text):
        for day in ((int(match[3]), int(match[1]), int(match[2])), (int(match[3]), int(match[2]), int(match[1]))):
            if _possible(day):
                yield day


def _possible(day: Day) -> bool:
    year, month, number = day
    if not month:
        return _LEAST_YEAR <= year <= _MOST_YEAR
    return valid(day, whole_month=not number)


def is_day(literal: Literal) -> bool:
    """Whether a literal names a day, a month or a year of days."""
    return any(True for _ in read_days(literal.text))


def find_periods(asked: Asked, query: QueryParts) -> dict[int, list[Literal]]:
    """For the words of a period ("April 2022", "Q2", "last 30 days") the literals of days that say it."""
    said: list[tuple[Day, Literal]] = [
        (day, literal) for literal in query.literals if literal.op != "limit" for day in read_days(literal.text)
    ]
    months = [literal for literal in query.literals if literal.op in {"=", "in", "between", ">=", "<="}]
    found: dict[int, list[Literal]] = {}
    for place, word in enumerate(asked.words):
        matches = [literal for day, literal in said if _says(asked, place, word, day)]
        month = word.month or _quarter(asked, place)
        if month and not matches and not _is_of_year(said):
            # strftime('%m', …) = '04' and the like: a month without a year
            matches = [one for one in months if one.number == month or one.text.casefold() in _names_of(month)]
        if matches:
            found[place] = matches
    return found


def _is_of_year(said: list[tuple[Day, Literal]]) -> bool:
    return any(day[1] for day, _ in said)


def _names_of(month: int) -> set[str]:
    return {name for name, number in MONTHS.items() if number == month}


def _says(asked: Asked, place: int, word: Word, day: Day) -> bool:
    """Whether a day of the query is a bound of what the word says: its first or last day, or the one after it."""
    year, month, number = day
    if word.day is not None:
        return _is_bound(word.day, day)
    if word.month:
        return bool(month) and (month == word.month or (number <= 1 and month == word.month % 12 + 1))
    if word.year and word.number is not None and not word.text.endswith("s"):
        return year == word.number or (year == word.number + 1 and (month, number) == (1, 1))
    start = _quarter(asked, place)
    if start:
        return month in {start, start + 2, (start + 2) % 12 + 1}
    return _is_part(asked, place, word, day)


def _is_part(asked: Asked, place: int, word: Word, day: Day) -> bool:
    """A decade ("the 1990s"), the day beside the name of a month, or a word counted from today."""
    if word.text[:-1].isdigit() and word.text.endswith("s"):
        return 0 <= day[0] - int(word.text[:-1]) <= 10
    if word.number is not None and day[1]:
        beside = (asked.text(place - 1), asked.text(place + 1), asked.text(place + 2))
        return any(text in MONTHS for text in beside) and abs(day[2] - word.number) <= 1
    return _is_relative(asked, place)


def _is_bound(said: Day, day: Day) -> bool:
    if not said[2]:
        after = (said[0] + said[1] // 12, said[1] % 12 + 1)
        return said[:2] == day[:2] or (after == day[:2] and day[2] <= 1)
    last = monthrange(said[0], said[1])[1] if 1 <= said[1] <= 12 else 31
    following = (said[0], said[1], said[2] + 1) if said[2] < last else (said[0] + said[1] // 12, said[1] % 12 + 1, 1)
    return day in {said, following} or (day[2] == 0 and day[:2] == said[:2])


def _quarter(asked: Asked, place: int) -> int:
    """The first month of the quarter that a word is part of; 0 for other words."""
    text = asked.text(place)
    if text in _QUARTERS and (text.startswith("q") or asked.text(place + 1).startswith("quarter")):
        return _QUARTERS[text]
    if text.startswith("quarter"):
        return _QUARTERS.get(asked.text(place - 1), 0)
    return 0


def _is_relative(asked: Asked, place: int) -> bool:
    """Part of "last 30 days", "this year", "yesterday": such words have a day only as it is counted from today."""
    text = asked.text(place)
    if text in {"today", "yesterday", "ago"}:
        return True
    window = [asked.text(place + step) for step in (-2, -1, 1, 2)]
    if text in MONTH_WORDS:
        return any(one in UNITS for one in window[2:])
    return text in UNITS and any(one in MONTH_WORDS for one in window[:2] + window[2:3])
