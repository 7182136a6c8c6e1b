"""Notes for people on what a plan does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .plan import Plan

__all__ = ["explain"]


def explain(plan: Plan) -> tuple[str, ...]:
    """Notes such as "show: city.name", "filter: city.country = 'Spain'", "sort: city.population, descending"."""
    notes = ["show: " + ", ".join(node.sql() for node in plan.select)]
    if plan.where:
        notes.append("filter: " + " and ".join(node.sql() for node in plan.where))
    if plan.group:
        notes.append("per: " + ", ".join(node.sql() for node in plan.group))
    if plan.having:
        notes.append("groups with: " + " and ".join(node.sql() for node in plan.having))
    if plan.order:
        first = "" if plan.limit is None else f", first {plan.limit}"
        keys = ", ".join(f"{node.sql()}, {'descending' if desc else 'ascending'}" for node, desc in plan.order)
        notes.append(f"sort: {keys}{first}")
    if plan.source is not None:
        notes.append("of: " + "; ".join(explain(plan.source)))
    return tuple(notes)
