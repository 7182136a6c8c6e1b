"""Which words of a question the texts, numbers and days of a query come from."""

from __future__ import annotations

import re
from calendar import monthrange
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from ctxprune.text.words import stem, words

from ..values.dates import MONTHS, valid
from .lexicon import MONTH_WORDS, UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..values.dates import Day
    from .query import Literal, QueryParts
    from .question import Asked, Word

__all__ = ["find_literal", "find_periods", "is_day", "read_days"]

_TYPO = 84.0  # similarity as rapidfuzz gives it from which two texts are the same with a typo
_ALIKE_START = 4  # letters in which "French" and "France" agree
_ISO = re.compile(r"(?<!\d)([12]\d{3})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?!\d)")
_SLASHED = re.compile(r"(?<!\d)(\d{1,2})[/.](\d{1,2})[/.]([12]\d{3})(?!\d)")
_COMPACT = re.compile(r"(?<!\d)([12]\d{3})(\d{2})(\d{2})(?!\d)")
_QUARTERS = {"q1": 1, "q2": 4, "q3": 7, "q4": 10, "first": 1, "second": 4, "third": 7, "fourth": 10, "1st": 1, "2nd": 4,
             "3rd": 7, "4th": 10}  # fmt: skip
_OFF_BY_ONE = {">": -1.0, ">=": 1.0, "<": 1.0, "<=": -1.0}
_LEAST_YEAR, _MOST_YEAR = 1000, 2999


def find_literal(asked: Asked, literal: Literal) -> list[int]:
    """Positions of the words that one literal comes from; [] where no word says it."""
    if literal.number is not None:
        found = [place for place, word in enumerate(asked.words) if _same_number(asked, place, word, literal)]
        if found or literal.op == "limit":
            return found
    text = literal.text.strip("%_ ")
    return _find_text(asked, text, literal) if text else []


def _same_number(asked: Asked, place: int, word: Word, literal: Literal) -> bool:
    if word.number is None or literal.number is None:
        return False
    if literal.op == "limit":
        # A year is no number of rows, whatever the order of the words.
        return word.number == literal.number and not word.year
    near = word.number + _OFF_BY_ONE.get(literal.op, 0.0)
    percent = asked.question[word.token.end : word.token.end + 2].strip().startswith("%") or asked.text(
        place + 1
    ).startswith("percent")
    hundredth = percent and abs(word.number / 100 - literal.number) < 1e-9
    whole = float(word.number).is_integer() and literal.number == near
    return abs(word.number - literal.number) < 1e-9 or whole or hundredth


def _find_text(asked: Asked, text: str, literal: Literal) -> list[int]:
    wanted = words(text)
    for find in (_as_written, _as_hit, _with_typo, _as_start):
        found = find(asked, text, wanted, literal)
        if found:
            return found
    return []


def _as_written(asked: Asked, text: str, wanted: list[str], literal: Literal) -> list[int]:
    """Every place where the words of the text stand side by side, up to plural and case."""
    flat, size = asked.flat, len(wanted)
    stems = [stem(word) for word in wanted]
    found: list[int] = []
    for start in range(len(flat) - size + 1) if size else ():
        if all(stem(flat[start + k][0]) == stems[k] for k in range(size)):
            found += [flat[start + k][1] for k in range(size)]
    # "'start with J'": letters of patterns stand alone, but a single letter is also a word ("a").
    return found if text.casefold() not in {"a", "i"} or any(asked.tokens[place].capital for place in found) else []


def _as_hit(asked: Asked, text: str, wanted: list[str], literal: Literal) -> list[int]:
    """Words that the value index took for this stored text ("LA" for "Los Angeles")."""
    folded = " ".join(wanted)
    columns = set(literal.columns)
    hits = [(places, hit) for places, hit in asked.hits if " ".join(words(hit.value)) == folded]
    own = [(places, hit) for places, hit in hits if hit.ref in columns]
    best = max(own or hits, key=lambda one: (one[1].score, one[1].likelihood), default=None)
    return list(best[0]) if best is not None else []


def _with_typo(asked: Asked, text: str, wanted: list[str], literal: Literal) -> list[int]:
    if len(text) < _ALIKE_START:
        return []
    folded = " ".join(wanted)
    best, found = _TYPO, range(0)
    for size in {max(len(wanted) - 1, 1), len(wanted), len(wanted) + 1}:
        for start in range(len(asked.tokens) - size + 1):
            some = asked.tokens[start : start + size]
            if asked.words[start].generic and asked.words[start + size - 1].generic:
                continue
            close = fuzz.ratio(folded, " ".join(token.text for token in some), score_cutoff=best)
            if close > best:
                best, found = close, range(start, start + size)
    return list(found)


def _as_start(asked: Asked, text: str, wanted: list[str], literal: Literal) -> list[int]:
    """Codes and forms of a word: 'F' for "female", 'France' for "French", 'USA' for "U.S."."""
    if len(wanted) != 1:
        initials = "".join(word[0] for word in wanted)
        return [place for place, word in enumerate(asked.words) if len(initials) > 1 and word.text == initials]
    short, found = wanted[0], []
    for place, word in enumerate(asked.words):
        if word.generic or word.number is not None:
            continue
        same = _common(short, word.text)
        coded = same == len(short) <= 3 and len(word.text) > len(short) and not word.exact
        formed = same >= _ALIKE_START and same >= 0.6 * max(len(short), len(word.text)) - 1
        if coded or formed:
            found.append(place)
    return found


def _common(one: str, other: str) -> int:
    size = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        size += 1
    return size


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
    """Whether a day of the query is a bound of what the word says, the first or last day or the one after it."""
    year, month, number = day
    if word.day is not None:
        return _is_bound(word.day, day)
    if word.month:
        return bool(month) and (month == word.month or (number <= 1 and month == word.month % 12 + 1))
    if word.year and word.number is not None:
        said = int(word.number)
        return year == said or (year == said + 1 and (month, number) == (1, 1))
    if word.text.endswith("s") and word.text[:-1].isdigit():  # the 1990s
        return 0 <= year - int(word.text[:-1]) <= 10
    start = _quarter(asked, place)
    if start:
        return month in {start, start + 2, (start + 2) % 12 + 1}
    beside = {asked.text(place - 1), asked.text(place + 1), asked.text(place + 2)}
    if word.number is not None and month:
        named = any(text in MONTHS for text in beside)
        return named and abs(number - word.number) <= 1
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
