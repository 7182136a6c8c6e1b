"""Queries over windows: the first row of each group, and ranks."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from .functions import quotient
from .plan import SOURCE, Plan, has_aggregate

__all__ = ["Trend", "find_trend", "first_of_each", "rank_over", "total_over", "with_trend"]

_UNIT = r"(day|month|year)"
_PERCENT = r"(?P<percent>(?:percent(?:age)?|relative)\s+|%\s*)?"
_CHANGE = r"(?:changes?|growth|increases?|differences?|development)"
_BEFORE = r"(?:the\s+)?(?:previous|preceding|prior|last)\s+"
_OVER = re.compile(
    rf"(?:,?\s*\b(?:and|with)\s+)?\b(?:the\s+|its\s+)?{_UNIT}[\s-]+(?:over|to|on|by)[\s-]+(?:day|month|year)\s+"
    rf"{_PERCENT}{_CHANGE}\b(?:\s+(?:in|of|from)\b(?!\s+the\s+(?:previous|prior)))?"
)
_FROM = re.compile(
    rf"(?:,?\s*\b(?:and|with|plus)\s+)?\b(?:(?:the|its|a)\s+)?{_PERCENT}{_CHANGE}\s+(?:(?:from|to|over|since|against|"
    rf"compared\s+(?:to|with)|relative\s+to)\s+(?:{_BEFORE}|that\s+of\s+{_BEFORE}|one\s+)){_UNIT}\b(?:\s+to\s+the\s+next)?"
)
_VARIES = re.compile(
    rf"\b(?:change[ds]?|develop(?:ed|s)?|evolve[ds]?|grow|grew)\s+from\s+{_UNIT}\s+to\s+(?:day|month|year)\b"
)
_RUNNING = re.compile(r"\b(?:running|cumulative|accumulated)\s+(?=(?:total|sum|count|number|amount)\b)")


@dataclass(frozen=True, slots=True)
class Trend:
    """What is asked of periods in a row, at characters [start, end) of the question.

    Attributes:
        start, end: The words that ask for it.
        unit: "day", "month" or "year"; "" where the question names the periods elsewhere.
        form: "change", "percent" or "running".
    """

    start: int
    end: int
    unit: str
    form: str


def find_trend(text: str) -> Trend | None:
    """Whether a question in lower case compares each period with the one before, or adds all up; None for neither."""
    for pattern in (_OVER, _FROM, _VARIES):
        match = pattern.search(text)
        if match is not None:
            percent = "percent" in pattern.groupindex and match["percent"]
            unit = next(group for group in match.groups() if group in {"day", "month", "year"})
            return Trend(match.start(), match.end(), unit, "percent" if percent else "change")
    match = _RUNNING.search(text)
    return None if match is None else Trend(match.start(), match.end(), "", "running")


def with_trend(plan: Plan, trend: Trend) -> tuple[Plan, Plan] | None:
    """A plan of one measure for each period with the trend beside the measure, and in its place; None for another."""
    periods = [key for key in plan.group if isinstance(key, exp.TimeToStr)]
    measures = [one for one in plan.select if has_aggregate(one)]
    if len(periods) != 1 or len(measures) != 1 or plan.limit is not None:
        return None
    others = [key.copy() for key in plan.group if key is not periods[0]]
    order = exp.Order(expressions=[exp.Ordered(this=periods[0].copy())])
    measure: Any = measures[0]
    if trend.form == "running":
        value: Any = exp.Window(this=exp.Sum(this=measure.copy()), partition_by=others, order=order)
    else:
        before: Any = exp.Window(this=exp.Lag(this=measure.copy()), partition_by=others, order=order)
        value = exp.Sub(this=measure.copy(), expression=before)
        if trend.form == "percent":
            value = quotient(exp.Paren(this=value), before, percent=True)
    shown = tuple(value if one is measure else one for one in plan.select)
    ordered = replace(plan, order=plan.order or ((periods[0], False),))
    return replace(ordered, select=(*plan.select, value)), replace(ordered, select=shown)


def first_of_each(plan: Plan, keys: tuple[exp.Expression, ...]) -> Plan:
    """The rows of a plan that come first within each group by its order; its limit is that of each group.

    Args:
        plan: With an order, without groups.
        keys: What the groups are.
    """
    order = exp.Order(expressions=[exp.Ordered(this=key.copy(), desc=desc) for key, desc in plan.order])
    number: Any = exp.Window(this=exp.RowNumber(), partition_by=[key.copy() for key in keys], order=order)
    inner = replace(plan, select=(*plan.select, number), order=(), limit=None)
    shown = tuple(_output(place) for place in range(len(plan.select)))
    last = _output(len(plan.select))
    count = exp.Literal.number(plan.limit or 1)
    test: Any = exp.EQ if plan.limit in (None, 1) else exp.LTE
    return Plan(shown, where=(test(this=last, expression=count),), source=inner, said=plan.said)


def rank_over(measure: exp.Expression, *, desc: bool = True) -> Any:
    """The rank by a measure, 1 for the first."""
    order = exp.Order(expressions=[exp.Ordered(this=measure.copy(), desc=desc)])
    return exp.Window(this=exp.Anonymous(this="RANK"), order=order)


def total_over(measure: exp.Expression) -> Any:
    """The sum of a measure over all groups."""
    return exp.Window(this=exp.Sum(this=measure.copy()))


def _output(place: int) -> exp.Column:
    return exp.Column(this=exp.to_identifier(f"c{place + 1}"), table=exp.to_identifier(SOURCE))
