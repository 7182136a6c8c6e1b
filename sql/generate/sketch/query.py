"""The shape of a query that the sketch generator can write: plain immutable data, independent of any SQL dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...schema.schema import ColumnRef

__all__ = ["Condition", "Item", "Literal", "Query", "queries_in"]

Literal: TypeAlias = "str | int | float"


@dataclass(frozen=True, slots=True)
class Item:
    """A column or an aggregate of one; `ref` None is `*` (only under count, or alone).

    Attributes:
        ref: The column, None for `*`.
        agg: "", "count", "sum", "avg", "min" or "max".
        distinct: DISTINCT inside the aggregate.
    """

    ref: ColumnRef | None
    agg: str = ""
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """`item op value`.

    Attributes:
        item: Left side; an aggregate only in HAVING.
        op: "=", "!=", "<", ">", "<=", ">=", "like", "not like", "between", "in", "not in", "is null", "is not null".
        value: A literal, two literals (between), or a sub-query of one column; None for the null tests.
    """

    item: Item
    op: str
    value: Literal | tuple[Literal, Literal] | Query | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT, perhaps combined with another by a set operation.

    Attributes:
        select: Projected items, at least one.
        tables: Tables that FROM must hold; the join path adds those between.
        distinct: SELECT DISTINCT.
        where: Conditions, all joined by `connector`.
        connector: "and" or "or".
        group: Grouping columns.
        having: Conditions on groups, joined by AND.
        order: Sort items; all in one direction.
        desc: Direction of the sort.
        limit: Rows kept, None for all.
        compound: "", "intersect", "union" or "except".
        right: The other query of the set operation.
        via: Foreign-key columns to join over where two tables are tied by several.
    """

    select: tuple[Item, ...]
    tables: tuple[str, ...]
    distinct: bool = False
    where: tuple[Condition, ...] = ()
    connector: str = "and"
    group: tuple[ColumnRef, ...] = ()
    having: tuple[Condition, ...] = ()
    order: tuple[Item, ...] = ()
    desc: bool = False
    limit: int | None = None
    compound: str = ""
    right: Query | None = None
    via: tuple[ColumnRef, ...] = ()

    @property
    def named_tables(self) -> set[str]:
        """Tables of the columns that this SELECT names, without sub-queries and the right side of a set operation."""
        items = [*self.select, *self.order, *(test.item for test in (*self.where, *self.having))]
        return {item.ref.table for item in items if item.ref is not None} | {ref.table for ref in self.group}


def queries_in(query: Query) -> Iterator[Query]:
    """The query, then its sub-queries and the other side of its set operation, at any depth."""
    yield query
    for condition in (*query.where, *query.having):
        if isinstance(condition.value, Query):
            yield from queries_in(condition.value)
    if query.right is not None:
        yield from queries_in(query.right)
