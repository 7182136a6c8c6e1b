"""Years compared with date columns: 2020 stands for all days of that year, not for a number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeGuard

from ctxprune.text import split_identifier

if TYPE_CHECKING:
    from ...schema import ColumnRef, Schema

__all__ = ["Bound", "date_columns", "year_bounds"]

Bound = tuple[str, str]  # ">=" or "<", and the day it compares with

_DATE_TYPE = re.compile(r"\s*(?:date|timestamp)", re.IGNORECASE)  # not TIME, and not YEAR


def date_columns(schema: Schema) -> frozenset[ColumnRef]:
    """Columns that hold days: declared as a date, and not named as a year, since some databases keep years in dates."""
    found = set()
    for ref in schema.refs():
        declared = schema.table(ref.table).column(ref.column).type
        if _DATE_TYPE.match(declared) and not {"year", "years", "yr"} & set(split_identifier(ref.column)):
            found.add(ref)
    return frozenset(found)


def year_bounds(op: str, value: object) -> tuple[tuple[Bound, ...], bool] | None:
    """Day bounds, all of which must hold, that say what `op` with a year says; None where `value` is no year.

    The second part is True where the bounds must be negated (`!=`). ISO dates sort right, with a time of day too.
    """
    low, high = value if op == "between" and isinstance(value, tuple) else (value, value)
    if not (_is_year(low) and _is_year(high)):
        return None
    start, end = (">=", f"{low:04d}-01-01"), ("<", f"{high + 1:04d}-01-01")
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


def _is_year(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 1000 <= value <= 2999
