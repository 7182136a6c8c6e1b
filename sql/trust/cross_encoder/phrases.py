"""Words of query parts that stand by themselves: aggregates, comparisons, literals, calendar periods."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

from sqlglot import exp

__all__ = ["AGGREGATES", "ARITHMETIC", "COMPARISONS", "literal_words", "period_words"]

AGGREGATES: dict[type[exp.Expr], str] = {
    exp.Count: "number of",
    exp.Avg: "average",
    exp.Sum: "total",
    exp.Min: "smallest",
    exp.Max: "largest",
}
ARITHMETIC: dict[type[exp.Expr], str] = {
    exp.Add: "plus",
    exp.Sub: "minus",
    exp.Mul: "times",
    exp.Div: "divided by",
    exp.Mod: "modulo",
}
COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "is",
    exp.NEQ: "is not",
    exp.GT: "is more than",
    exp.GTE: "is at least",
    exp.LT: "is less than",
    exp.LTE: "is at most",
}
_LONGEST = 60  # characters of a literal
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?\Z")


def literal_words(item: exp.Expr) -> str:
    """A number as it is, a string in single quotes and cut."""
    text = item.name if len(item.name) <= _LONGEST else item.name[:_LONGEST] + "…"
    return f"'{text}'" if item.args.get("is_string") else text


def period_words(first: exp.Expr, second: exp.Expr) -> str:
    """The calendar period between two bounds of one column: "in 2022", "from April to June 2022"; "" if there is none.

    Whole years, months and days in the ISO form, whichever bound comes first, the upper one inclusive or exclusive.
    """
    low, high = (first, second) if isinstance(first, (exp.GT, exp.GTE)) else (second, first)
    if not isinstance(low, exp.GTE) or not isinstance(high, (exp.LT, exp.LTE)) or low.this != high.this:
        return ""
    start, end = _day(low.expression), _day(high.expression)
    if start is None or end is None:
        return ""
    if isinstance(high, exp.LT):
        if end == date.min:
            return ""
        end -= timedelta(days=1)
    return _between_days(start, end) if start <= end else ""


def _day(item: exp.Expr) -> date | None:
    found = _DAY.match(item.name) if isinstance(item, exp.Literal) else None
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:  # 31 February is a text and no day
        return None


def _between_days(start: date, end: date) -> str:
    whole = start.day == 1 and end.day == calendar.monthrange(end.year, end.month)[1]
    if not whole:
        return f"on {start}" if start == end else f"from {start} to {end}"
    first, last = calendar.month_name[start.month], calendar.month_name[end.month]
    if (start.month, end.month) == (1, 12):
        return f"in {start.year}" if start.year == end.year else f"from {start.year} to {end.year}"
    if start.year != end.year:
        return f"from {first} {start.year} to {last} {end.year}"
    return f"in {first} {start.year}" if start.month == end.month else f"from {first} to {last} {start.year}"
