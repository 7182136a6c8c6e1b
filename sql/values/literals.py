"""Numbers, years, months and days that a question names, and the ways in which columns of text may write its words."""

from __future__ import annotations

import math
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
_LONGEST_JOINED = 4
_BETWEEN = frozenset({"of", "the", "and", "for"})  # initials leave them out
_TIME = re.compile(r"(?<![\d:])\d?\d:\d\d(?::\d\d)?(?![\d:])")
_MIXED = re.compile(r"(\d+)([^\W\d_]+)|([^\W\d_]+)(\d+)")
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


def other_spellings(question: Question) -> list[tuple[int, int, str, str]]:
    """How columns of text may write parts of a question: word positions [first, last), folded words, and the way.

    Way "respelt" is days and numbers in other forms ("Oct 23, 2010": "2010 10 23"; "1.2k": "1200"; "7": "007"), words
    written as one ("student 299": "student299") and a word with a number taken apart ("200mmhg": "200 mmhg", "mmhg").
    Way "initials" is those of a name ("Quarter Final": "qf"). Most of these no column holds; only an equal one counts.
    """
    found = [*_days_and_numbers(question), *_joined(question)]
    return [one for one in dict.fromkeys(found) if one[2]]


def _days_and_numbers(question: Question) -> Iterator[tuple[int, int, str, str]]:
    named = mentions(question)
    times = [match.group().split(":") for match in islice(_TIME.finditer(question.text), 3)] if named else []
    for mention in named:
        terms: list[str] = []
        if mention.kind in {"date", "month"}:
            forms = [form for form in map(DateForm, FORMS) if form.monthly == (mention.kind == "month")]
            terms = [" ".join(key_words(form.write(mention.day))) for form in forms]
            if mention.kind == "date":
                days = (terms[0], " ".join(key_words(DateForm("%m/%d/%Y").write(mention.day))))
                terms += [terms[0] + midnight for midnight in _MIDNIGHT]
                terms += [f"{day} {clock}" for day in days for time in times for clock in _clocks(time)]
        elif mention.number.is_integer() and abs(mention.number) < 1e15:
            plain = f"{mention.number:.0f}"
            terms = [plain, " ".join(key_words(f"{mention.number:,.0f}"))]
            terms += [plain.zfill(width) for width in range(len(plain) + 1, 6)] if mention.number >= 0 else []
        asked = " ".join(word.text for word in question.words[mention.first : mention.last])
        yield from ((mention.first, mention.last, term, "respelt") for term in terms if term != asked)


def _clocks(time: list[str]) -> tuple[str, str]:
    return " ".join(part.zfill(2) for part in time), " ".join([time[0].lstrip("0") or "0", *time[1:]])


def _joined(question: Question) -> Iterator[tuple[int, int, str, str]]:
    words = question.words
    for i, word in enumerate(words):
        parts = _MIXED.fullmatch(word.text)
        if parts:
            yield i, i + 1, " ".join(filter(None, parts.groups())), "respelt"
            yield i, i + 1, parts.group(2) or parts.group(3), "respelt"
        if word.common:
            continue
        for j in range(i + 2, min(i + _LONGEST_JOINED, len(words)) + 1):
            last = words[j - 1]
            if j - 1 in question.breaks or (last.common and last.text not in _BETWEEN):
                break
            if j == i + 2 and not (word.text.isdigit() and last.text.isdigit()):
                yield i, j, word.text + last.text, "respelt"
            initials = "".join(one.text[0] for one in words[i:j] if one.text not in _BETWEEN)
            if initials.isalpha() and len(initials) > 1 and last.text not in _BETWEEN:
                yield i, j, initials, "initials"


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
        if not math.isfinite(number):
            continue
        plain = body == match.group().rstrip("sS") and len(body) == 4 and 1000 <= number <= 2999
        yield *match.span(), "year" if plain else "number", number, (int(number), 0, 0) if plain else (0, 0, 0)
