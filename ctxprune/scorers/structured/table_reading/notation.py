"""How the numbers of a column are written: which mark is the decimal one, which letters after them are scales."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CODES", "CURRENCY", "FIGURES", "MEASURES", "SCALES", "Notation", "detect_notation"]

SCALES = {
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "mn": 1e6, "billion": 1e9, "bn": 1e9, "trillion": 1e12,
    "dozen": 12.0, "k": 1e3, "m": 1e6, "b": 1e9,
}  # fmt: skip
MEASURES = frozenset((  # without those that are clubs, states and leagues, too: "gb", "mi", "sec"
    "m", "km", "cm", "mm", "mile", "miles", "ft", "feet", "foot", "inch", "inches", "yd", "yds", "yard", "yards", "kg",
    "mg", "lb", "lbs", "oz", "ton", "tons", "tonne", "tonnes", "ml", "acre", "acres", "m2", "km2", "sq", "mph", "kmh",
    "kph", "knots", "kw", "mw", "gw", "kwh", "hz", "khz", "mhz", "ghz", "hrs", "hours", "mins", "minutes", "seconds",
    "days", "weeks", "months", "years",
))  # fmt: skip
CODES = frozenset((
    "usd", "eur", "gbp", "jpy", "cny", "inr", "chf", "aud", "cad", "nzd", "hkd", "sgd", "sek", "nok", "dkk", "pln",
    "brl", "zar", "mxn", "krw",
))  # fmt: skip
CURRENCY = rf"(?:(?:us|c|a|nz|hk|r|s)?[$€£¥₹]|(?:{'|'.join(sorted(CODES))})\b)"


def _figure(decimal: str, thousands: str) -> str:
    """What is no figure as a whole ("9,5" in English, "1/2", "2.3.4") is none in part."""
    grouped = rf"\d{{1,3}}(?P<gap>[{thousands} '])\d{{3}}(?:(?P=gap)\d{{3}})*"
    return rf"(?:(?:{grouped}|\d+)(?:[{decimal}]\d+)?|[{decimal}]\d+)(?:e[-+]?\d+\b)?(?!\d|[.,/⁄]\d| ?\d+[/⁄]\d)"


FIGURES = {".": _figure(".", ","), ",": _figure(",", ".")}
_WHOLE = {decimal: re.compile(figure) for decimal, figure in FIGURES.items()}
_WRITTEN = re.compile(
    rf"\W{{0,4}}?(?P<before>{CURRENCY})?\W{{0,4}}?(?P<figure>\d+(?:[ .,']\d+)*)"
    rf"(?P<space> ?)(?P<after>[a-z]+2?|{CURRENCY}|%)?"
)


@dataclass(frozen=True, slots=True)
class Notation:
    """How numbers are written.

    Attributes:
        decimal: The decimal mark, "." or ","; the other one, spaces and apostrophes may part thousands.
        letters: Which of "k", "m" and "b" are scales right after a number without a currency.
    """

    decimal: str = "."
    letters: frozenset[str] = frozenset("k")


def detect_notation(texts: Iterable[str], counts: Iterable[int] | None = None) -> Notation:
    """The notation of a column, from its folded cells; `counts` says how often each stands there, else once.

    The decimal mark is a comma where more cells can only be read so than only with a point. "k" is no scale among
    measures (km); "m" and "b", which may be metres and bases, are scales only among other scales and currencies, and
    neither among measures nor among numbers without a letter.
    """
    decimals, seen = Counter[str](), set[str]()
    for text, count in zip(texts, repeat(1) if counts is None else counts, strict=False):
        match = _WRITTEN.match(text)
        if match is None:
            continue
        # Only figures that can be read one way vote: "1,234" can be either.
        readings = [decimal for decimal, whole in _WHOLE.items() if whole.fullmatch(match["figure"])]
        if len(readings) == 1:
            decimals[readings[0]] += count
        after = match["after"] or ""
        if match["before"] and after in SCALES:
            seen.add("scale")
        elif after in ("m", "b"):
            seen.add("measure" if match["space"] else "letter")
        elif after in SCALES:
            seen.add("scale")
        elif after in MEASURES:
            seen.add("measure")
        elif not after and not match["before"]:
            seen.add("bare")
    decimal = "," if decimals[","] > decimals["."] else "."
    # Among measures "k" may be the beginning of km, and no letter is taken for a scale.
    if "measure" in seen:
        return Notation(decimal, frozenset())
    return Notation(decimal, frozenset("kmb" if "scale" in seen and "bare" not in seen else "k"))
