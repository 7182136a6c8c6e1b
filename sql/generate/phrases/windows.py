"""Queries over windows: the first row of each group, and ranks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlglot import exp

from .plan import SOURCE, Plan

__all__ = ["first_of_each", "rank_over", "total_over"]


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
