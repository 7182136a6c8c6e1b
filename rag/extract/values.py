"""Typed values in a text: numbers with units, dates, e-mail addresses, URLs, yes and no, and choices of a list.

Each is a slice of the text; what it says is read from the slice, never guessed.
"""

from __future__ import annotations

import datetime
import html
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ctxprune.scorers.structured.table_reading.notation import CURRENCY, MEASURES
from ctxprune.scorers.structured.table_reading.values import find_numbers
from ctxprune.text.words import fold, fold_with_offsets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxprune.scorers.structured.table_reading.values import Value

    from .schema import RecordField

__all__ = ["FoundValue", "clean_text", "find_typed", "read_as", "write_date"]

_LONGEST = 400  # characters that are searched for a typed value beside its label
_MINUS = "-−–"
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}(?!@)")
_URL = re.compile(r"\b(?:https?://|www\.)[^\s<>\"'|]{2,500}[^\s<>\"'|.,;:!?)\]]")
_TRUE, _FALSE = frozenset(["yes", "true", "t", "y", "on"]), frozenset(["no", "false", "f", "n", "off", "none"])
_BOOLEAN = re.compile(r"\b(?:yes|no|true|false)\b|(?<![\w.,/-])[TFYN01](?![\w%/-]|[.,]\w)", re.I)
_CLOCK = re.compile(
    r"(?:T|,?\s{1,2})(?:at\s)?(\d{1,2}):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?(?!\d)\s?(am|pm)?(Z|[+-]\d\d:\d\d)?", re.I
)
_CODE = re.compile(CURRENCY)
_UNIT = re.compile(rf"\s?(%|°[CF]?|{CURRENCY}|(?:{'|'.join(sorted(MEASURES, key=len, reverse=True))})\b)")
_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR"}
_EXACT = re.compile(r"[-+]?\d{1,3}(?:,\d{3}){1,6}(?:\.\d+)?|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
_WRITTEN = re.compile(r"(?<![\w.,/:-])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?(?![\w/:-]|[.,]\d)")


@dataclass(frozen=True, slots=True)
class FoundValue:
    """A typed value: characters [start, end) of the text, what they say, and the unit of a number."""

    start: int
    end: int
    value: Any
    unit: str = ""


def clean_text(text: str) -> str:
    """What a slice says: entities of HTML resolved, white space as single spaces."""
    return " ".join((html.unescape(text) if "&" in text else text).split())


def find_typed(text: str, start: int, end: int, field: RecordField) -> list[FoundValue]:
    """The values of the field's kind within [start, end), in order; of a longer range the first 400 characters.

    Kinds without a form of their own ("string", "object") have none.
    """
    part = text[start : min(end, start + _LONGEST)]
    found = [
        FoundValue(start + one.start, start + one.end, _as_choice(one.value, field), one.unit)
        for one in _find_in(part, field.kind, field.choices)
    ]
    if field.kind not in ("number", "integer"):
        return found
    return [one for one in found if not _is_cut(text, one.start, one.end, begins=one.start == start)]


def _is_cut(text: str, start: int, end: int, *, begins: bool) -> bool:
    """Whether digits or a sign go on before or behind [start, end): the part that was searched cuts a long number."""
    before, behind = text[max(start - 1, 0) : start + 1], text[end - 1 : end + 1]
    digits = before[1:].isdecimal() and (before[0].isdecimal() or (begins and before[0] in _MINUS))
    return digits or (len(behind) == 2 and behind.isdecimal())


def read_as(text: str, field: RecordField) -> FoundValue | None:
    """The one value that a cell or the text behind a label holds for a field; None where it is not of its kind.

    A string is the whole text. Of other kinds the first value counts that little stands before.
    """
    if field.kind in ("string", "object"):
        stripped = text.strip(" \t\r\n\"'|")
        start = text.find(stripped) if stripped else 0
        return FoundValue(start, start + len(stripped), clean_text(stripped)) if stripped else None
    for found in _find_in(text[:_LONGEST], field.kind, field.choices):
        # A number deep inside a sentence is not what the label says.
        near = sum(char.isalnum() for char in text[: found.start]) <= 12
        return FoundValue(found.start, found.end, _as_choice(found.value, field), found.unit) if near else None
    return None


def _as_choice(value: Any, field: RecordField) -> Any:
    """A choice as the schema has it: of [1, 2] the text "2" is the number."""
    return field.choice_values[field.choices.index(value)] if field.choice_values and value in field.choices else value


@lru_cache(maxsize=4096)
def _find_in(part: str, kind: str, choices: tuple[str, ...]) -> tuple[FoundValue, ...]:
    if kind in ("number", "integer"):
        return tuple(_find_numbers(part, whole=kind == "integer"))
    if kind in ("date", "datetime"):
        return tuple(_find_dates(part, timed=kind == "datetime"))
    if kind == "email":
        return tuple(FoundValue(*found.span(), found[0]) for found in _EMAIL.finditer(part))
    if kind == "url":
        return tuple(FoundValue(*found.span(), found[0]) for found in _URL.finditer(part))
    if kind == "boolean":
        return tuple(FoundValue(*m.span(), m[0].lower() in _TRUE or m[0] == "1") for m in _BOOLEAN.finditer(part))
    return tuple(_find_choices(part, choices)) if kind == "enum" else ()


def _find_numbers(part: str, *, whole: bool) -> Iterator[FoundValue]:
    stripped = part.strip()
    if _EXACT.fullmatch(stripped):  # the whole cell: as it is written, leading zeros and all digits included
        start = part.find(stripped)
        number = _read_exact(stripped.replace(",", ""), whole=whole)
        if number is not None:
            yield FoundValue(start, start + len(stripped), number)
        return
    folded = fold_with_offsets(part)
    for found in find_numbers(folded.text):
        if found.kind not in ("number", "percent", "ordinal", "year") or found.high - found.low > 1:
            continue
        start, end = folded.span(found.start, found.end)
        # JSON and SQLite have no infinity, so a number beyond any float is none.
        if math.isfinite(found.low):
            number = _keep_digits(part[start:end], found.low, whole=whole)
            # `find_numbers` reads a year without its sign; any other sign and currency is part of what it found.
            yield FoundValue(start, end, number, _unit_of(part, start, end))


def _read_exact(written: str, *, whole: bool) -> int | float | None:
    """The number as it is written, whole ones with all their digits; None for one beyond any float."""
    value = float(written)
    if not math.isfinite(value):
        return None
    return int(written) if written.lstrip("+-").isdecimal() else _as_number(value, whole=whole)


def _keep_digits(written: str, value: float, *, whole: bool) -> int | float:
    """`value`, with the digits that a float cannot hold where the text writes it out."""
    digits = re.sub(r"\D", "", written)
    if abs(value) >= 2**53 and digits.isdecimal() and math.isclose(int(digits), abs(value), rel_tol=1e-12):
        return int(digits) if value > 0 else -int(digits)
    return _as_number(value, whole=whole)


def _as_number(value: float, *, whole: bool) -> int | float:
    return int(value) if math.isfinite(value) and value == int(value) and (whole or abs(value) < 2**53) else value


def _unit_of(part: str, start: int, end: int) -> str:
    inside = _CODE.search(fold(part[start:end]))
    behind = _UNIT.match(fold(part[end : end + 12]))
    said = inside[0] if inside else "%" if part[start:end].rstrip().endswith("%") else behind[1] if behind else ""
    return _SIGNS.get(said[-1:], said.upper()) if _CODE.fullmatch(said) else said


def _find_dates(part: str, *, timed: bool) -> Iterator[FoundValue]:
    folded = fold_with_offsets(part)
    for found in find_numbers(folded.text):
        if not found.dated:
            continue
        written = write_date(found)
        if not written:
            continue
        start, end = folded.span(found.start, found.end)
        clock = _CLOCK.match(part, end) if len(written) == len("2026-01-31") else None
        if clock is None or not timed:
            yield FoundValue(start, end, written)
            continue
        hour = int(clock[1]) % 12 + 12 * (clock[4].lower() == "pm") if clock[4] else int(clock[1])
        if hour > 23 or int(clock[2]) > 59 or int(clock[3] or 0) > 59:
            continue  # "77:88" is no time, so that the whole is no date with one
        yield FoundValue(start, clock.end(), f"{written}T{hour:02d}:{clock[2]}:{clock[3] or '00'}{clock[5] or ''}")


def write_date(value: Value) -> str:
    """A day, month or year in ISO 8601, as exact as it was read; "" for longer periods and for 31 February."""
    year, rest = int(value.low), value.low - int(value.low)
    length = value.high - value.low
    if value.kind == "year":
        return f"{year:04d}" if length <= 1 else ""
    # `Value` holds a year in 12 months of 31 days; see `ctxprune.scorers.structured.table_reading.dates`.
    month = int(rest * 12 + 1e-6)
    day = round((rest - month / 12) * 372) + 1
    if length > 1.5 / 12:
        return ""
    if length > 1 / 100:
        return f"{year:04d}-{month + 1:02d}"
    try:
        return datetime.date(year, month + 1, day).isoformat()
    except ValueError:
        return ""


def _find_choices(part: str, choices: tuple[str, ...]) -> Iterator[FoundValue]:
    folded, at = fold_with_offsets(part), 0
    pattern = _choice_pattern(choices)
    named = {fold(choice): choice for choice in choices}
    for found in pattern.finditer(folded.text) if pattern else ():
        start, end = folded.span(*found.span())
        if start >= at:
            yield FoundValue(start, end, named[found[0]])
            at = end


@lru_cache(maxsize=512)
def _choice_pattern(choices: tuple[str, ...]) -> re.Pattern[str] | None:
    told = sorted({fold(choice) for choice in choices if choice.strip()}, key=len, reverse=True)
    # The longest first, so that "in stock soon" is not read as "in stock".
    return re.compile("|".join(rf"(?<!\w){re.escape(choice)}(?!\w)" for choice in told)) if told else None
