"""Numbers that a question names: "160k", "1.5 million", "20 %", "$5", "a dozen", "twenty"."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import islice

__all__ = ["Number", "find_numbers"]

_MOST = 40
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mm": 1e6, "mn": 1e6, "mln": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9,
    "billion": 1e9, "trillion": 1e12, "hundred": 1e2, "dozen": 12.0,
}  # fmt: skip
_UNITS_SPELT = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
    seventeen eighteen nineteen"""
_SMALL = {word: float(number) for number, word in enumerate(_UNITS_SPELT.split())}
_TENS = {
    word: 10.0 * k
    for k, word in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], 2)
}
_WORDS = "|".join([*_TENS, *sorted(_SMALL, key=len, reverse=True)])
_SCALE_WORDS = "thousand|million|billion|trillion|hundred|dozen"
_DIGITS = re.compile(
    r"(?<![\w.,:/])(?<![^\W\d_]-)(?P<sign>[-−+](?=[$€£]?\d)(?<!\d.))?(?P<money>[$€£]|usd\s?|eur\s?)?"
    r"(?P<body>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    rf"(?:\s?(?P<scale>k|mm|mln|mn|m|bn|b)\b|\s(?P<word>{_SCALE_WORDS})\b)?(?P<percent>\s?%|\s(?:percent|per cent)\b)?"
    r"(?P<ordinal>st|nd|rd|th)?(?![\w]|[:/]\d|[.,]\d)"
)
_SPELT = re.compile(
    rf"\b(?:(?P<half>half an?)\s+(?P<halved>{_SCALE_WORDS})"
    rf"|(?P<a>an?)\s+(?P<scaled>{_SCALE_WORDS})"
    rf"|(?P<word>{_WORDS})(?:[-\s](?P<ones>{'|'.join(list(_SMALL)[1:10])}))?(?:\s(?P<scale>{_SCALE_WORDS}))?)s?\b"
    r"(?P<percent>\s?%|\s(?:percent|per cent)\b)?"
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number that characters [start, end) name.

    Attributes:
        value: Its value, scaled: 160000.0 for "160k", 20.0 for "20 %".
        percent: It is a percentage, which a column may hold as a share of 1.
        money: It is an amount of money.
        spelt: It is written as a word, and so rarely the number of something stored.
    """

    start: int
    end: int
    value: float
    percent: bool = False
    money: bool = False
    spelt: bool = False


def find_numbers(text: str, taken: tuple[tuple[int, int], ...] = ()) -> list[Number]:
    """The numbers of a text in lower case, in its order, without ordinals and those within `taken`; at most 40."""
    found: list[Number] = []
    for pattern, read in ((_DIGITS, _digits), (_SPELT, _spelt)):
        for match in islice(pattern.finditer(text), _MOST):
            start, end = match.span()
            if any(a < end and start < b for a, b in taken) or any(n.start < end and start < n.end for n in found):
                continue
            number = read(match)
            if number is not None and math.isfinite(number.value):
                found.append(number)
    return sorted(found, key=lambda one: one.start)[:_MOST]


def _digits(match: re.Match[str]) -> Number | None:
    parts = match.groupdict()
    # Longer ones are keys or phone numbers, which no float holds exactly.
    if parts["ordinal"] or len(parts["body"]) > 18:
        return None
    scale = _SCALES.get(parts["scale"] or parts["word"] or "", 1.0)
    value = round(float(parts["body"].replace(",", "")) * scale, 9)
    return Number(
        *match.span(), -value if parts["sign"] in ("-", "−") else value, bool(parts["percent"]), bool(parts["money"])
    )


def _spelt(match: re.Match[str]) -> Number | None:
    parts = match.groupdict()
    if parts["half"]:
        value = _SCALES[parts["halved"]] / 2
    elif parts["a"]:
        value = _SCALES[parts["scaled"]]
    elif parts["word"] in _TENS:
        value = _TENS[parts["word"]] + _SMALL.get(parts["ones"] or "", 0.0)
    elif parts["ones"]:
        return None  # "two three" is no number
    else:
        value = _SMALL[parts["word"]]
    return Number(*match.span(), value * _SCALES.get(parts["scale"] or "", 1.0), bool(parts["percent"]), spelt=True)
