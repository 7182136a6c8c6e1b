"""Spider's four levels of hardness, counted from the parts of the reference query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .spider_structure import Condition, Structure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .spider_structure import ColumnUnit

__all__ = ["HARDNESS", "hardness", "nested"]

HARDNESS = ("easy", "medium", "hard", "extra")


def hardness(query: Structure) -> str:
    """One of `HARDNESS`, as the official script of Spider (Yu et al. 2018) counts.

    Three counts decide: clauses and joins, queries inside, and how many of four things occur more than once. As in the
    script, a negated condition passes for an aggregate, and so does every AND and OR in HAVING; a query in FROM counts
    neither as nested nor with what is in it.
    """
    clauses, inside, several = _clauses(query), len(nested(query)), _several(query)
    if inside == 0:
        if clauses <= 1 and several == 0:
            return "easy"
        if (clauses <= 1 and several <= 2) or (clauses <= 2 and several < 2):
            return "medium"
        if (clauses <= 2 < several) or (clauses == 3 and several <= 2):
            return "hard"
    return "hard" if clauses <= 1 and several == 0 and inside <= 1 else "extra"


def nested(query: Structure) -> list[Structure]:
    """The queries in conditions and behind set operations, one level deep."""
    values = [value for condition in _conditions(query) for value in (condition.value, condition.second)]
    behind = (query.intersect, query.except_, query.union)
    return [part for part in (*values, *behind) if isinstance(part, Structure)]


def _conditions(query: Structure) -> list[Condition]:
    return [part for part in _all_conditions(query) if isinstance(part, Condition)]


def _all_conditions(query: Structure) -> Sequence[Condition | str]:
    return (*query.joins, *query.where, *query.having)


def _clauses(query: Structure) -> int:
    present = (query.where, query.group_by, query.order_by, query.limited)
    joins = max(len(query.tables) - 1, 0)
    ors = sum(part == "or" for part in _all_conditions(query))
    likes = sum(condition.comparison == "like" for condition in _conditions(query))
    return sum(map(bool, present)) + joins + ors + likes


def _several(query: Structure) -> int:
    ordered = query.order_by[1] if query.order_by is not None else ()
    aggregates = (
        sum(aggregate != "none" for aggregate, _ in query.select)
        + sum(part.negated for part in query.where if isinstance(part, Condition))
        + _aggregated(query.group_by)
        + _aggregated(column for unit in ordered for column in (unit.left, unit.right) if column is not None)
        + sum(not isinstance(part, Condition) or part.negated for part in query.having)
    )
    return sum(count > 1 for count in (aggregates, len(query.select), len(query.where), len(query.group_by)))


def _aggregated(columns: Iterable[ColumnUnit]) -> int:
    return sum(column.aggregate != "none" for column in columns)
