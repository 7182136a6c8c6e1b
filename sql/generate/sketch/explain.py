"""One line for people about each part of a query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .query import Query

if TYPE_CHECKING:
    from .query import Condition, Item
    from .view import SchemaView

__all__ = ["explain"]


def explain(query: Query, view: SchemaView) -> tuple[str, ...]:
    """Notes such as "show: city.name", "filter: city.country = 'Spain'", "sort: city.population, descending"."""
    notes = ["show: " + ", ".join(_item(item) for item in query.select)]
    if query.where:
        notes.append("filter: " + f" {query.connector} ".join(_condition(c) for c in query.where))
    if query.group:
        notes.append("per: " + ", ".join(f"{ref.table}.{ref.column}" for ref in query.group))
    if query.having:
        notes.append("groups with: " + " and ".join(_condition(c) for c in query.having))
    if query.order:
        way = "descending" if query.desc else "ascending"
        first = "" if query.limit is None else f", first {query.limit}"
        notes.append("sort: " + ", ".join(_item(item) for item in query.order) + f", {way}{first}")
    path = view.graph.connect(query.tables, query.via) or []
    if path:
        notes.append("join: " + ", ".join(dict.fromkeys([query.tables[0], *(edge.other for edge in path)])))
    if query.right is not None:
        notes.append(f"{query.compound}: " + "; ".join(explain(query.right, view)))
    return tuple(notes)


def _item(item: Item) -> str:
    inner = "*" if item.ref is None else f"{item.ref.table}.{item.ref.column}"
    if not item.agg:
        return inner
    return f"{item.agg}({'distinct ' if item.distinct else ''}{inner})"


def _condition(condition: Condition) -> str:
    left, value = _item(condition.item), condition.value
    if value is None:
        return f"{left} {condition.op}"
    if isinstance(value, Query):
        return f"{left} {condition.op} (sub-query on {', '.join(value.tables)})"
    if isinstance(value, tuple):
        return f"{left} between {value[0]!r} and {value[1]!r}"
    return f"{left} {condition.op} {value!r}"
