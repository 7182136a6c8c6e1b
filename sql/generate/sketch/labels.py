"""What gold queries say about columns, tables, literals and shapes: the targets that the networks learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import fold

from .query import Query, queries_in
from .scores import NUMBER_ROLES, OPERATORS, ROLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ...schema.schema import ColumnRef
    from .analysis import Value
    from .query import Condition, Item
    from .view import SchemaView

__all__ = ["column_targets", "number_role", "operator_of", "pair_target", "table_targets"]


def column_targets(query: Query, view: SchemaView) -> NDArray[np.float32]:
    """(n_columns, len(ROLES)) of 0 and 1."""
    target = np.zeros((len(view.columns), len(ROLES)), np.float32)

    def mark(ref: ColumnRef | None, role: str) -> None:
        if ref is not None:
            target[view.index[ref], ROLES.index(role)] = 1.0
            target[view.index[ref], ROLES.index("used")] = 1.0

    for item in query.select:
        mark(item.ref, _select_role(item))
    for part in queries_in(query):
        for condition in part.where:
            nested = isinstance(condition.value, Query)
            inner = condition.value.select[0].agg if isinstance(condition.value, Query) else ""
            mark(condition.item.ref, ("nested" if inner else "used") if nested else "filter")
        for condition in part.having:
            mark(condition.item.ref, "agg" if condition.item.agg != "count" else "used")
        for item in part.order:
            mark(item.ref, "agg" if item.agg and item.agg != "count" else "used" if item.agg else "order")
        for ref in part.group:
            mark(ref, "group")
        for item in part.select:
            mark(item.ref, "used")
    return target


def _select_role(item: Item) -> str:
    if not item.agg:
        return "select"
    if item.agg != "count":
        return "agg"
    return "countd" if item.distinct else "used"


def table_targets(query: Query, view: SchemaView) -> NDArray[np.float32]:
    """(n_tables, 1) of 0 and 1."""
    target = np.zeros((len(view.tables), 1), np.float32)
    for part in queries_in(query):
        for name in part.tables:
            target[view.table_index[name], 0] = 1.0
    return target


def _same(literal: object, value: Value) -> bool:
    texts = {fold(str(value.value)), fold(str(value.written)), *(fold(stored) for _, stored, _ in value.places)}
    plain = fold(str(literal)).strip("%")
    # Gold queries write literals in another case, or as LIKE patterns.
    if plain in texts:
        return True
    try:
        return float(plain) == float(str(value.value))
    except ValueError:
        return False


def _conditions(query: Query) -> Iterator[Condition]:
    for part in queries_in(query):
        yield from part.where


def _literals(condition: Condition) -> tuple[object, ...]:
    if isinstance(condition.value, Query) or condition.value is None:
        return ()
    return condition.value if isinstance(condition.value, tuple) else (condition.value,)


def pair_target(query: Query, value: Value, ref: ColumnRef) -> bool:
    """Does a condition of the query compare that column with that literal?"""
    return any(
        condition.item.ref == ref and any(_same(literal, value) for literal in _literals(condition))
        for condition in _conditions(query)
    )


def number_role(query: Query, value: Value) -> str:
    """What the query does with the literal: one of NUMBER_ROLES."""
    for condition in _conditions(query):
        if any(_same(literal, value) for literal in _literals(condition)):
            return NUMBER_ROLES[0]
    for part in queries_in(query):
        if any(_same(literal, value) for condition in part.having for literal in _literals(condition)):
            return NUMBER_ROLES[1]
        if part.limit is not None and _same(part.limit, value):
            return NUMBER_ROLES[2]
    return NUMBER_ROLES[3]


def operator_of(query: Query, value: Value) -> str:
    """The comparison that the query makes with the literal: one of OPERATORS, "none" if it makes none."""
    for part in queries_in(query):
        for condition in (*part.where, *part.having):
            # The direction is learned once; negation is a part of the template.
            op = condition.op.removeprefix("not ")
            if op in OPERATORS and any(_same(literal, value) for literal in _literals(condition)):
                return op
    return OPERATORS[-1]
