"""How columns store days, and the test of a column for a range of days in that form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctxprune.text.words import split_identifier

from ....values.dates import DateForm, detect
from .build import column, compare, literal, span
from .events import is_event

if TYPE_CHECKING:
    from ....schema.schema import ColumnRef
    from .inputs import Inputs

__all__ = ["DayColumn", "day_columns"]

_DECLARED = re.compile(r"\s*(?:date|timestamp|datetime)", re.IGNORECASE)
_NUMERIC = re.compile(r"int|num|real|floa|doub|dec|year|serial", re.IGNORECASE)
_YEAR_TEXT = re.compile(r"[12]\d{3}")
_NAMED = frozenset({"date", "datetime", "timestamp", "dob", "birthday", "birthdate"})
_TIMES = frozenset({"epoch", "ts", "time", "timestamp", "date", "datetime", "at", "ms", "millis", "unix"})
_YEARS = frozenset({"year", "yr", "years"})
_FIXED = ("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y")
_SORTED = ("%Y/%m/%d", "%Y.%m.%d", "%Y%m%d")
_SECONDS, _MILLISECONDS = (10**8, 5 * 10**9), (10**11, 5 * 10**12)


@dataclass(frozen=True, slots=True)
class DayColumn:
    """One column of days.

    Attributes:
        number: Its number in the view.
        ref: The column.
        kind: "iso" (dates, timestamps, and texts that begin with 2023-01-31), "form" (another form), "number" (such as
            20230131), "seconds" or "milliseconds" since 1970, "year" (a number) or "year text".
        form: Of the kinds "form" and "number".
        sure: 0..1, how certain the form is; 1 where stored values show it.
    """

    number: int
    ref: ColumnRef
    kind: str
    form: DateForm | None = None
    sure: float = 1.0

    def test(self, low: date | None, high: date | None, dialect: str) -> tuple[Any, str]:
        """The test that a cell lies in [low, high), and a note; None with the reason where the form cannot say it."""
        held = column(self.ref, dialect)
        whole_years = all(day is None or (day.month, day.day) == (1, 1) for day in (low, high))
        if self.kind in ("year", "year text"):
            return _years(held, low, high, text=self.kind == "year text") if whole_years else (None, _NO_DAYS)
        if self.form is not None and not self.form.sorts:
            return self._rearranged(held, low, high, whole_years=whole_years)
        if self.form is not None and self.form.monthly and any(day is not None and day.day != 1 for day in (low, high)):
            return None, _NO_DAYS
        return span(held, *(None if day is None else literal(self._write(day)) for day in (low, high))), ""

    def part(self, part: str, dialect: str) -> Any | None:
        """The "month" or "day" of a cell as a number; None where the form does not say it."""
        held = column(self.ref, dialect)
        number = exp.DataType.build("int")
        if self.kind == "iso":
            if dialect != "sqlite":
                return exp.Extract(this=exp.Var(this=part.upper()), expression=held)
            code = literal({"month": "%m", "day": "%d"}[part])
            return exp.Cast(this=exp.Anonymous(this="STRFTIME", expressions=[code, held]), to=number)
        code = {"month": "%m", "day": "%d"}[part]
        # Only parts of a fixed width stand at the same place in every text.
        if self.form is None or self.kind != "form" or self.form.pattern not in (*_FIXED, *_SORTED):
            return None
        return exp.Cast(this=_cut(held, *_place(self.form.pattern, code)), to=number)

    def _write(self, day: date) -> str | int:
        if self.kind in ("seconds", "milliseconds"):
            seconds = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
            return seconds * (1000 if self.kind == "milliseconds" else 1)
        if self.form is None:
            return day.isoformat()
        text = self.form.write((day.year, day.month, 0 if self.form.monthly else day.day))
        return int(text) if self.kind == "number" else text

    def _rearranged(self, held: Any, low: date | None, high: date | None, *, whole_years: bool) -> tuple[Any, str]:
        """Texts that do not sort as their days do, compared by their parts."""
        pattern = self.form.pattern if self.form is not None else ""
        if pattern in _FIXED:
            year, month, day = (_cut(held, *_place(pattern, part)) for part in ("%Y", "%m", "%d"))
            key = exp.Concat(expressions=[year, literal("-"), month, literal("-"), day], safe=False, coalesce=False)
            note = f"{self.ref.table}.{self.ref.column} stores texts like {pattern}, which are rearranged to compare"
            return span(key, *(None if one is None else literal(one.isoformat()) for one in (low, high))), note
        if pattern.endswith("%Y") and whole_years and self.form is not None and not self.form.timed:
            # The last four characters, written so that every dialect takes it.
            start = exp.Sub(this=exp.Length(this=held.copy()), expression=literal(3))
            return _years(exp.Substring(this=held, start=start, length=literal(4)), low, high, text=True)
        return None, f"{self.ref.table}.{self.ref.column} stores days as {pattern}, which cannot be compared"


_NO_DAYS = "the column holds no days"


def _place(pattern: str, part: str) -> tuple[int, int]:
    """Where a part of a fixed-width form begins, from 1, and its length."""
    before = pattern[: pattern.index(part)].replace("%Y", "YYYY").replace("%m", "mm").replace("%d", "dd")
    return len(before) + 1, 4 if part == "%Y" else 2


def _cut(held: Any, start: int, length: int) -> Any:
    return exp.Substring(this=held.copy(), start=literal(start), length=literal(length))


def _years(held: Any, low: date | None, high: date | None, *, text: bool) -> tuple[Any, str]:
    first, last = (None if day is None else (str(day.year) if text else day.year) for day in (low, high))
    if low is not None and high is not None and high.year == low.year + 1 and first is not None:
        return compare("=", held, literal(first)), ""
    return span(held, *(None if one is None else literal(one) for one in (first, last))), ""


def day_columns(inputs: Inputs) -> list[DayColumn]:
    """The columns of a schema that hold days, months or years."""
    hinted: dict[ColumnRef, str] = {}
    for hit in inputs.ranges:
        if hit.low and hit.kind != "number":
            hinted.setdefault(hit.ref, hit.low)
    found = []
    for number, facts in enumerate(inputs.view.columns):
        declared = inputs.column(number).type
        stored = tuple(str(value) for value in inputs.stored(number) if not isinstance(value, (bytes, bool)))
        numeric = bool(stored) and all(isinstance(value, (int, float)) for value in inputs.stored(number))
        kind = _kind(facts.ref.column, declared, stored, numeric, hinted.get(facts.ref, ""))
        if kind is not None:
            found.append(DayColumn(number, facts.ref, *kind))
    return found


@lru_cache(maxsize=8192)
def _kind(
    name: str, declared: str, stored: tuple[str, ...], numeric: bool, hint: str
) -> tuple[str, DateForm | None, float] | None:
    words = set(split_identifier(name))
    if numeric:
        return _of_numbers(words, declared, stored)
    if stored:
        event = any(map(is_event, words)) and len(stored) >= 3
        if all(map(_YEAR_TEXT.fullmatch, stored)) and (words & _YEARS or _DECLARED.match(declared) or event):
            return "year text", None, 1.0
        form = detect(stored)
        if form is not None:
            return ("iso", None, 1.0) if form.pattern == "%Y-%m-%d" else ("form", form, 1.0)
        # Declared as days, but stored as something that no form fits.
        return ("iso", None, 0.5) if _DECLARED.match(declared) and not _is_text(stored) else None
    if hint:
        form = detect([hint.strip("'")])
        if form is not None and form.pattern != "%Y-%m-%d":
            return "form" if hint.startswith("'") else "number", form, 0.9
    return _by_name(words, declared)


def _is_text(stored: tuple[str, ...]) -> bool:
    return not all(any(char.isdigit() for char in text) for text in stored)


def _of_numbers(words: set[str], declared: str, stored: tuple[str, ...]) -> tuple[str, DateForm | None, float] | None:
    numbers = [float(text) for text in stored]
    if not all(map(float.is_integer, numbers)):
        return None
    low, high = min(numbers), max(numbers)
    if low >= 1000 and high <= 2999 and (words & _YEARS or _ends_in_year(words) or _DECLARED.match(declared)):
        return "year", None, 1.0
    # "founded" and "opened" say a year where all numbers may be one.
    if low >= 1500 and high <= 2100 and len(set(numbers)) >= 3 and any(map(is_event, words)):
        return "year", None, 0.9
    timed = bool(words & _TIMES or _DECLARED.match(declared)) or any(
        word.endswith(("epoch", "epochms", "date", "ts", "time")) for word in words
    )
    form = detect([f"{number:.0f}" for number in numbers]) if low >= 100_000 else None
    if form is not None and timed:
        return "number", form, 1.0
    for kind, (least, most) in (("seconds", _SECONDS), ("milliseconds", _MILLISECONDS)):
        if timed and least <= low and high <= most:
            return kind, None, 1.0
    return None


def _ends_in_year(words: set[str]) -> bool:
    return any(word.endswith("year") for word in words)


def _by_name(words: set[str], declared: str) -> tuple[str, DateForm | None, float] | None:
    """Without stored values: by the declared type and the name."""
    if words & _YEARS and (_NUMERIC.search(declared) or _DECLARED.match(declared)):
        return "year", None, 0.8
    if _DECLARED.match(declared):
        return "iso", None, 0.9
    if words & _NAMED and not _NUMERIC.search(declared):
        return "iso", None, 0.5
    return None
