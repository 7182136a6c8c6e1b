"""Years and months compared with date columns: 2020 stands for all days of that year, not for a number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import split_identifier

from ...values.literals import mentions
from ...values.spans import Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...schema.schema import ColumnRef, Schema

__all__ = ["Bound", "date_columns", "day_bounds", "find_periods", "find_stored_days", "is_year"]

Bound = tuple[str, str]  # ">=" or "<", and the day it compares with

_DATE_TYPE = re.compile(r"\s*(?:date|timestamp)", re.IGNORECASE)  # not TIME, and not YEAR
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?!\d)")  # a time of day may follow
_MONTH = re.compile(r"(\d{4})-(\d{2})")


def date_columns(schema: Schema) -> frozenset[ColumnRef]:
    """Columns that hold days: declared as a date, and not named as a year, since some databases keep years in dates."""
    found = set()
    for ref in schema.refs():
        declared = schema.table(ref.table).column(ref.column).type
        if _DATE_TYPE.match(declared) and not {"year", "years", "yr"} & set(split_identifier(ref.column)):
            found.add(ref)
    return frozenset(found)


def find_stored_days(samples: Mapping[ColumnRef, tuple[object, ...]]) -> frozenset[ColumnRef]:
    """Columns of which all known values are ISO days, such as SQLite keeps in columns that are declared as texts."""
    found = set()
    for ref, values in samples.items():
        stored = [value for value in values if value not in (None, "")]
        if stored and all(isinstance(value, str) and _ISO_DAY.match(value) for value in stored):
            found.add(ref)
    return frozenset(found)


def find_periods(question: str) -> Iterator[tuple[int, int, str]]:
    """Months of a year, and days whose month has a name: characters [start, end), and "2023-03" or "2023-03-05"."""
    read = Question.parse(question)
    for mention in mentions(read):
        start, end = read.place(mention.first, mention.last)
        year, month, day = mention.day
        if mention.kind == "month":
            yield start, end, f"{year:04d}-{month:02d}"
        elif mention.kind == "date" and any(char.isalpha() for char in question[start:end]):
            yield start, end, f"{year:04d}-{month:02d}-{day:02d}"


def day_bounds(op: str, value: object) -> tuple[tuple[Bound, ...], bool] | None:
    """Day bounds, all of which must hold, that say what `op` with a year or month ("2023-03") says; None for others.

    The second part is True where the bounds must be negated (`!=`). ISO dates sort right, with a time of day too.
    """
    low, high = value if op == "between" and isinstance(value, tuple) else (value, value)
    first, last = _days(low), _days(high)
    if first is None or last is None:
        return None
    start, end = (">=", first[0]), ("<", last[1])
    # Half-open: texts with a time of day sort before the first day of the next period.
    bounds: dict[str, tuple[Bound, ...]] = {
        "=": (start, end),
        "!=": (start, end),
        "between": (start, end),
        ">=": (start,),
        "<=": (end,),
        ">": ((">=", end[1]),),
        "<": (("<", start[1]),),
    }
    return (bounds[op], op == "!=") if op in bounds else None


def is_year(value: object) -> bool:
    """A whole number that may be a year."""
    return isinstance(value, int) and not isinstance(value, bool) and 1000 <= value <= 2999


def _days(value: object) -> tuple[str, str] | None:
    """The first day of a year or month, and the first after it."""
    if isinstance(value, int) and is_year(value):
        return f"{value:04d}-01-01", f"{value + 1:04d}-01-01"
    month = _MONTH.fullmatch(value) if isinstance(value, str) else None
    if month is None:
        return None
    year, number = int(month[1]), int(month[2])
    return f"{year:04d}-{number:02d}-01", f"{year + number // 12:04d}-{number % 12 + 1:02d}-01"
