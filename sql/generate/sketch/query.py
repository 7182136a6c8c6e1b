"""The shape of a query that the sketch generator can write: plain immutable data, independent of any SQL dialect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from ...schema import ColumnRef

__all__ = ["Condition", "Item", "Literal", "Query", "signature"]

Literal = Union[str, int, float]


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


def signature(query: Query) -> dict[str, str]:
    """The parts of a query without its columns and values, each a short text.

    Keys: "select", "where", "group", "having", "order", "compound". Equal shapes have equal texts; the order of the
    projected items and of the conditions does not count.
    """
    order = ""
    if query.order:
        limit = "" if query.limit is None else ("1" if query.limit == 1 else "k")
        order = f"{'+'.join(_item(item) for item in query.order)} {'desc' if query.desc else 'asc'} {limit}"
    where = sorted(_condition(condition) for condition in query.where)
    right = "" if query.right is None else f"{query.compound} {_flat(query.right)}"
    return {
        "select": ("distinct " if query.distinct else "") + ",".join(sorted(_item(item) for item in query.select)),
        "where": f" {query.connector} ".join(where),
        "group": "group" if query.group else "",
        "having": " and ".join(_condition(condition) for condition in query.having),
        "order": order,
        "compound": right,
    }


def _flat(query: Query) -> str:
    return "|".join(signature(query).values())


def _item(item: Item) -> str:
    if item.ref is None:
        return f"{item.agg}(*)" if item.agg else "*"
    inner = "distinct col" if item.distinct else "col"
    return f"{item.agg}({inner})" if item.agg else inner


def _condition(condition: Condition) -> str:
    left = _item(condition.item)
    if isinstance(condition.value, Query):
        return f"{left} {condition.op} [{_flat(condition.value)}]"
    return f"{left} {condition.op}"
