"""Numbers, years, months and days that a question names, in whatever way it writes them."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from .dates import FORMS, MONTHS, DateForm, valid
from .spans import key_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .dates import Day
    from .spans import Question

__all__ = ["Mention", "mentions", "other_spellings"]

_MOST = 100
_MIDNIGHT = (" 00 00 00", " 00 00 00 0", " 00 00")
_MOST_CHARACTERS = 40_000
_MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
_YEAR = r"(?P<Y>[12]\d{3})"
_DAY = r"(?P<d>[12]\d|3[01]|0?[1-9])"
_NUMERIC_MONTH = r"(?P<m>1[0-2]|0?[1-9])"
_BEFORE, _AFTER = r"(?<![\w.,/-])", r"(?![\w/]|[-.,]\d)"
_DATES = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (
        rf"{_BEFORE}{_YEAR}([-/.]){_NUMERIC_MONTH}\2{_DAY}(?!\w|[-/.,]\d)",
        rf"{_BEFORE}{_YEAR}(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])(?!\w|[-/.,]\d)",
        rf"{_BEFORE}{_NUMERIC_MONTH}([-/.]){_DAY}\2{_YEAR}{_AFTER}",
        rf"{_BEFORE}{_DAY}([-/.]){_NUMERIC_MONTH}\2{_YEAR}{_AFTER}",
        rf"\b(?P<b>{_MONTH})\.?\s+(?:the\s+)?{_DAY}(?:st|nd|rd|th)?,?\s*(?:of\s+)?{_YEAR}{_AFTER}",
        rf"{_BEFORE}{_DAY}(?:st|nd|rd|th)?[\s-]+(?:of\s+)?(?P<b>{_MONTH})\.?,?[\s-]+(?:of\s+)?{_YEAR}{_AFTER}",
        rf"\b{_YEAR}[\s,]+(?P<b>{_MONTH})\.?\s+{_DAY}(?:st|nd|rd|th)?{_AFTER}",
    )
)
_MONTHS_OF_YEARS = tuple(
    re.compile(text, re.IGNORECASE)
    for text in (
        rf"\b(?P<b>{_MONTH})\.?,?\s+(?:of\s+)?(?:the\s+)?(?:year\s+)?{_YEAR}{_AFTER}",
        rf"{_BEFORE}{_YEAR}[-/](?P<m>0[1-9]|1[0-2]){_AFTER}",
        rf"{_BEFORE}(?P<m>0[1-9]|1[0-2])/{_YEAR}{_AFTER}",
        rf"{_BEFORE}{_YEAR}(?P<m>0[1-9]|1[0-2]){_AFTER}",
    )
)
_PARTED = re.compile(r"\d[-/.]\d|\d{6}")  # without which no pattern of digits alone fits
_NAMED = re.compile("jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?<![\w.,:])(?<![^\W\d]-)(?P<sign>(?<!\d)[-\u2212]?)[$€£]?(?P<body>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"(?:\s?(?P<unit>k|m|bn|thousand|million|billion|trillion)\b)?(?P<end>s\b|%)?(?![\w]|[.,:]\d)",
    re.IGNORECASE,
)
_UNITS = {"k": 3, "thousand": 3, "m": 6, "million": 6, "bn": 9, "billion": 9, "trillion": 12}
_SPELT_NUMBERS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty"""
_SMALL = {word: number for number, word in enumerate(_SPELT_NUMBERS.split())}
_SMALL |= {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
_SMALL |= {"hundred": 100}
_SPELT = re.compile(
    rf"\b(?P<small>{'|'.join(_SMALL)})(?:\s(?P<unit>hundred|thousand|million|billion))?\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A number or day that a question names.

    Attributes:
        first, last: Word positions [first, last) of the question.
        kind: "number", "year" (a whole number that may also be a year), "month" or "date".
        number: Its value; for a month or day 0.0.
        day: Year, month, day; zeros for what is not said, (0, 0, 0) for a number.
    """

    first: int
    last: int
    kind: str
    number: float = 0.0
    day: Day = (0, 0, 0)


def mentions(question: Question) -> list[Mention]:
    """What a question names, in its order; "03/04/2012" is two days. At most 100, from its first 40,000 characters.

    Evidence counts like the question. Digits inside a word ("A340") are no numbers, nor are those of a day.
    """
    text = question.text[:_MOST_CHARACTERS]
    starts = [word.start for word in question.words]
    taken: list[tuple[int, int]] = []
    found: list[Mention] = []
    for start, end, kind, number, day in _all(text):
        if any(a < end and start < b and (a, b) != (start, end) for a, b in taken):
            continue
        first, last = bisect_left(starts, start), bisect_left(starts, end)
        if first < last:
            taken.append((start, end))
            found.append(Mention(first, last, kind, number, day))
        if len(found) >= _MOST:
            break
    return sorted(set(found), key=lambda mention: (mention.first, mention.last, mention.day))


def other_spellings(question: Question) -> list[tuple[int, int, str]]:
    """How columns of text may write the days and numbers of a question: word positions, and folded words.

    "Oct 23, 2010" leads to "2010 10 23" and the other forms of dates.py, "1,200" and "1.2k" to "1200".
    """
    found: list[tuple[int, int, str]] = []
    for mention in mentions(question):
        asked = " ".join(word.text for word in question.words[mention.first : mention.last])
        if mention.kind in {"date", "month"}:
            forms = [form for form in map(DateForm, FORMS) if form.monthly == (mention.kind == "month")]
            texts = [form.write(mention.day) for form in forms]
            terms = [" ".join(key_words(text)) for text in texts]
            iso = " ".join(key_words(texts[0]))
            terms += [iso + midnight for midnight in _MIDNIGHT] if mention.kind == "date" else []
        elif mention.number.is_integer() and abs(mention.number) < 1e15:
            terms = [" ".join(key_words(text)) for text in (f"{mention.number:.0f}", f"{mention.number:,.0f}")]
        else:
            continue
        found += [(mention.first, mention.last, term) for term in dict.fromkeys(terms) if term != asked]
    return found


def _all(text: str) -> Iterator[tuple[int, int, str, float, Day]]:
    if any(char.isdigit() for char in text):
        yield from _days(text)
        yield from _numbers(text)
    for match in islice(_SPELT.finditer(text), _MOST):
        unit = (match.group("unit") or "").lower()
        scale = 100.0 if unit == "hundred" else 10.0 ** _UNITS.get(unit, 0)
        yield *match.span(), "number", _SMALL[match.group("small").lower()] * scale, (0, 0, 0)


def _days(text: str) -> Iterator[tuple[int, int, str, float, Day]]:
    parted, named = _PARTED.search(text) is not None, _NAMED.search(text) is not None
    for patterns, kind in ((_DATES, "date"), (_MONTHS_OF_YEARS, "month")):
        for pattern in patterns:
            if not (named if "<b>" in pattern.pattern else parted):
                continue
            for match in islice(pattern.finditer(text), _MOST):
                parts = match.groupdict()
                month = int(parts["m"]) if parts.get("m") else MONTHS[(parts.get("b") or "").lower()]
                day = (int(parts["Y"]), month, int(parts["d"]) if parts.get("d") else 0)
                if valid(day, whole_month=kind == "month"):
                    number = float(match.group()) if match.group().isdigit() else 0.0
                    yield *match.span(), kind, number, day


def _numbers(text: str) -> Iterator[tuple[int, int, str, float, Day]]:
    for match in islice(_NUMBER.finditer(text), _MOST):
        body = match.group("body").replace(",", "")
        number = float(body) * 10.0 ** _UNITS.get((match.group("unit") or "").lower(), 0)
        number = -number if match.group("sign") else number
        plain = body == match.group().rstrip("sS") and len(body) == 4 and 1000 <= number <= 2999
        yield *match.span(), "year" if plain else "number", number, (int(number), 0, 0) if plain else (0, 0, 0)
