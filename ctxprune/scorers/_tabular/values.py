"""Numbers, dates and ranges as people write them, read as intervals that can be compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ctxprune.text import fold

__all__ = ["MONTHS", "Value", "numbers_in", "read_value"]

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
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "million": 1e6, "bn": 1e9, "b": 1e9, "billion": 1e9,
    "trillion": 1e12, "dozen": 12.0,
}  # fmt: skip
_WORDS = {
    word: float(number)
    for number, word in enumerate(
        (
            "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
            "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
        )
    )
}  # fmt: skip
_ORDINALS = {
    word: float(number)
    for number, word in enumerate(
        ("second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"), start=2
    )
}
_LONGEST = 60  # characters of a cell that may be a number or a date
_NAMES = "|".join(sorted(MONTHS, key=len, reverse=True))
_FIGURE = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_NUMBER = re.compile(
    rf"(?P<minus>[-(]?)\s*(?:us|c|a|nz|hk)?[$€£¥₹]?\s*(?P<minus2>[-(]?)\s*(?P<figure>{_FIGURE})\s*"
    r"(?P<percent>%)?(?P<ordinal>(?:st|nd|rd|th)\b)?(?:\s?(?P<scale>k|m|mn|bn|b|thousand|million|billion|trillion|dozen)\b)?"
)
_YEAR = re.compile(r"(1[4-9]\d\d|20\d\d)(?:\s?[-/]\s?(\d\d\d\d|\d\d)(?!\d))?(s?)(?!\d)(?![.,]\d)")
_ISO = re.compile(r"(1[4-9]\d\d|20\d\d)\s?[-/.]\s?(0?[1-9]|1[0-2])\s?[-/.]\s?(0?[1-9]|[12]\d|3[01])(?!\d)")
_SLASHED = re.compile(r"(0?[1-9]|[12]\d|3[01])[/.](0?[1-9]|[12]\d|3[01])[/.](1[4-9]\d\d|20\d\d)(?!\d)")
_MONTH_FIRST = re.compile(
    rf"(?P<month>{_NAMES})\b\.?\s*(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:))?,?\s*(?P<year>(?:1[4-9]|20)\d\d)?(?!\d)"
)
_DAY_FIRST = re.compile(
    rf"(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\s*(?:of\s+)?-?(?P<month>{_NAMES})\b\.?,?[\s-]*(?P<year>(?:1[4-9]|20)\d\d)?(?!\d)"
)
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d\d(?:\.\d+)?)(?!\d)")


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
        """Whether it is a point or stretch of the calendar."""
        return self.kind in ("year", "date")


def read_value(text: str) -> Value | None:
    """The number, date or time that a cell consists of, perhaps with a unit or a note after it; None for other text."""
    return _read(text) if len(text) <= _LONGEST else None


@lru_cache(maxsize=16384)
def _read(text: str) -> Value | None:
    plain = fold(text).strip(" \t\n\"'*†‡~≈<>+=:#№")
    if not any(char.isdigit() for char in plain):
        found = _date_at(plain, 0)
        return found if found and found.end >= len(plain) - 1 else None
    value = _value_at(plain, 0)
    if value is None:
        return None
    rest = plain[value.end :]
    letters = sum(char.isalpha() for char in rest)
    return value if letters <= max(12, value.end) else None


def numbers_in(text: str) -> list[Value]:
    """All numbers, dates and times in a question, in order; small number words ("three") count."""
    plain, found, at = fold(text), list[Value](), 0
    for match in re.finditer(r"[^\W_]+|[$€£¥₹(-](?=[\d$.])", plain):
        if match.start() < at:
            continue
        word = match.group()
        if word in _WORDS:
            found.append(Value(_WORDS[word], _WORDS[word], "number", *match.span()))
            continue
        if word in _ORDINALS:
            found.append(Value(_ORDINALS[word], _ORDINALS[word], "ordinal", *match.span()))
            continue
        if not (word[0].isdigit() or word in MONTHS or word[0] in "$€£¥₹(-"):
            continue
        if word[0] in "(-" and match.start() and plain[match.start() - 1].isalnum():
            continue
        value = _value_at(plain, match.start())
        if value is not None and value.kind != "month":
            found.append(value)
            at = value.end
    return found


def _value_at(text: str, start: int) -> Value | None:
    return _date_at(text, start) or _number_at(text, start)


def _date_at(text: str, start: int) -> Value | None:
    if match := _ISO.match(text, start):
        return _dated(int(match[1]), int(match[2]), int(match[3]), match.span())
    if match := _SLASHED.match(text, start):
        first, second = int(match[1]), int(match[2])
        month, day = (second, first) if first > 12 else (first, second)
        return _dated(int(match[3]), month, day, match.span()) if month <= 12 else None
    for pattern in (_MONTH_FIRST, _DAY_FIRST):
        if match := pattern.match(text, start):
            if match["day"] is None and match["year"] is None and (match["month"] == "may" or match.end() < len(text)):
                continue  # "may" and "march" are words, too
            day, year = int(match["day"] or 0), int(match["year"] or 0)
            if day <= 31:
                return _dated(year, MONTHS[match["month"]], day, match.span())
    if match := _YEAR.match(text, start):
        first = int(match[1])
        if match[3]:
            return Value(first, first + 10.0, "year", *match.span())
        last = first if match[2] is None else int(match[2] if len(match[2]) == 4 else match[1][:2] + match[2])
        if last < first:
            last = first if match[2] is None or len(match[2]) == 4 else first + 1
        return Value(first, last + 1.0, "year", *match.span())
    return None


def _dated(year: int, month: int, day: int, span: tuple[int, int]) -> Value:
    low = year + (month - 1) / 12 + (max(day, 1) - 1) / 372
    high = low + (1 / 372 if day else 1 / 12)
    return Value(low, high, "date" if year else "day", *span)


def _number_at(text: str, start: int) -> Value | None:
    if match := _CLOCK.match(text, start):
        seconds = int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
        return Value(seconds, seconds, "time", *match.span())
    match = _NUMBER.match(text, start)
    if match is None:
        return None
    number = float(match["figure"].replace(",", "")) * _SCALES.get(match["scale"] or "", 1.0)
    if match["minus"] or match["minus2"]:
        number = -number
    kind = "percent" if match["percent"] else "ordinal" if match["ordinal"] else "number"
    return Value(number, number, kind, *match.span())
