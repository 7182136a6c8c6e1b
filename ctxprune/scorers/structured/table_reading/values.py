"""Numbers and dates as people write them, in cells and in questions."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.scorers.structured.table_reading.dates import MONTHS, Value, date_at
from ctxprune.scorers.structured.table_reading.notation import (
    CODES,
    CURRENCY,
    FIGURES,
    SCALES,
    Notation,
    detect_notation,
)
from ctxprune.text.words import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Value", "find_numbers", "read_value", "read_value_once", "read_wholes"]

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
_SCALE = "|".join(sorted(name for name in SCALES if len(name) > 1))
_NUMBERS = {
    decimal: re.compile(
        rf"(?P<minus>[-(]?)\s*(?P<before>{CURRENCY})?\s*(?P<minus2>[-(]?)\s*(?P<figure>{figure})"
        rf"(?:(?P<percent>\s*%|\s?(?:per ?cent|pct)\b)|(?P<ordinal>st|nd|rd|th)\b|\s?(?P<scale>{_SCALE})\b"
        rf"|(?P<letter>(?P<space>\s?)[kmb])\b(?P<after>\s?{CURRENCY})?)?"
    )
    for decimal, figure in FIGURES.items()
}
# How whatever is read as a number, a date or a time starts.
_START = re.compile(rf"[-(\s.,\d]|{CURRENCY}|{'|'.join(sorted(MONTHS, key=len, reverse=True))}|fy|fiscal|[qh][1-4]")
_YEARS = (1400, 2100)  # of the calendar; other numbers of four digits are none
_RUN = re.compile(r"\d+(?:[.,/⁄']\d+)*")
_PERIOD = re.compile(r"fy|fiscal|[qh][1-4]$")
_SCALED = re.compile(rf"\s({_SCALE})\b")
_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,3}):(\d\d(?:\.\d+)?)(?!\d)")


def read_value(text: str, notation: Notation | None = None) -> Value | None:
    """The number, date or time that a cell consists of, perhaps with a unit or a note after it; None for other text.

    `notation` is that of its column; without one the cell is read by itself.
    """
    return _cached(text, notation) if len(text) <= _LONGEST else None


def read_value_once(text: str, notation: Notation | None = None) -> Value | None:
    """As `read_value`, of a cell that is not likely to come again."""
    return _read(text, notation) if len(text) <= _LONGEST else None


@lru_cache(maxsize=16384)
def _cached(text: str, notation: Notation | None) -> Value | None:
    return _read(text, notation)


def _read(text: str, notation: Notation | None) -> Value | None:
    plain = fold(text).strip(" \t\n\"'*†‡~≈<>+=:#№")
    if _START.match(plain) is None:  # most cells are words; a dozen patterns would each say so
        return None
    # The commonest cell, read without a pattern.
    if plain.isascii() and plain.isdecimal():
        return _read_whole(plain)
    if not any(char.isdigit() for char in plain):
        found = date_at(plain, 0)
        return found if found and found.end >= len(plain) - 1 else None
    value = _value_at(plain, 0, notation or detect_notation([plain]))
    if value is None:
        return None
    rest = plain[value.end :]
    # A unit or a note may follow; a sentence that starts with a number is text.
    letters = sum(char.isalpha() for char in rest)
    return value if letters <= max(12, value.end) else None


def _read_whole(plain: str) -> Value:
    """The year or number that ASCII digits and nothing else say."""
    number = float(plain)
    if len(plain) == len("2026") and _YEARS[0] <= number < _YEARS[1]:
        return Value(number, number + 1.0, "year", 0, len(plain))
    return Value(number, number, "number", 0, len(plain))


def read_wholes(texts: list[str]) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """What `read_value` gives for cells of ASCII digits and nothing else, all at once: from, to, kinds; NaN and "" for
    those that are too long."""
    low = np.array([float(text) if len(text) <= _LONGEST else math.nan for text in texts], dtype=np.float64)
    sizes = np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))
    years = (sizes == len("2026")) & (low >= _YEARS[0]) & (low < _YEARS[1])
    kinds = np.where(np.isnan(low), "", np.where(years, "year", "number"))
    return low, low + years, kinds.tolist()


def find_numbers(text: str) -> list[Value]:
    """All numbers, dates and times in a question, in order; small number words ("three", "two million") count."""
    plain, found, at = fold(text), list[Value](), 0
    notation = Notation(detect_notation(_RUN.findall(plain)).decimal)
    for match in re.finditer(r"[^\W_]+|[$€£¥₹(-](?=[\d$.])", plain):
        if match.start() < at:
            continue
        word = match.group()
        if word in _WORDS:
            scale = _SCALED.match(plain, match.end())
            number = _WORDS[word] * (SCALES[scale[1]] if scale else 1.0)
            found.append(Value(number, number, "number", match.start(), scale.end() if scale else match.end()))
            continue
        if word in _ORDINALS:
            found.append(Value(_ORDINALS[word], _ORDINALS[word], "ordinal", *match.span()))
            continue
        named = word in MONTHS or word in CODES or _PERIOD.match(word)
        if not (word[0].isdigit() or named or word[0] in "$€£¥₹(-"):
            continue
        # A dash within a word ("covid-19") is no minus.
        if word[0] in "(-" and match.start() and plain[match.start() - 1].isalnum():
            continue
        value = _value_at(plain, match.start(), notation)
        if value is not None:
            found.append(value)
            at = value.end
        elif run := _RUN.match(plain, match.start()):
            at = run.end()  # a part of "1/2" is no number
    return found


def _value_at(text: str, start: int, notation: Notation) -> Value | None:
    return date_at(text, start) or _number_at(text, start, notation)


def _number_at(text: str, start: int, notation: Notation) -> Value | None:
    if match := _CLOCK.match(text, start):
        seconds = int(match[1] or 0) * 3600 + int(match[2]) * 60 + float(match[3])
        return Value(seconds, seconds, "time", *match.span())
    match = _NUMBERS[notation.decimal].match(text, start)
    if match is None:
        return None
    # The mark that is not the decimal one can only part thousands.
    thousands = "," if notation.decimal == "." else "."
    number = float(re.sub(f"[{thousands} ']", "", match["figure"]).replace(notation.decimal, "."))
    number *= SCALES.get(match["scale"] or "", 1.0)
    end, letter = match.end(), (match["letter"] or "").strip()
    if letter and _is_scale(match, letter, notation):
        number *= SCALES[letter]
    elif letter:
        end = match.start("letter")
    if match["minus"] or match["minus2"]:
        number = -number
    if math.isinf(number):
        return None
    kind = "percent" if match["percent"] else "ordinal" if match["ordinal"] else "number"
    return Value(number, number, kind, start, end)


def _is_scale(match: re.Match[str], letter: str, notation: Notation) -> bool:
    """Whether a letter after a number is its scale and no unit."""
    priced = match["before"] or match["after"]
    return bool(priced) or (letter in notation.letters and (letter == "k" or not match["space"]))
