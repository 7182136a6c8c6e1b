"""Query templates: the shape of a query with its columns and values taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .query import Condition, Item, Query

COMPARISONS = ("<", ">", "<=", ">=")

__all__ = ["COMPARISONS", "Clause", "Template", "read_template"]


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition without its column: aggregate of the left side (HAVING only), operator, kind of the right side.

    Attributes:
        agg: "" or the aggregate on the left.
        op: As in `Condition.op`; "cmp" for an order comparison with a literal, whose direction its context tells.
        inner: Template of the sub-query, None for literals.
    """

    agg: str
    op: str
    inner: Template | None = None


@dataclass(frozen=True, slots=True)
class Template:
    """One shape. Fields as in `Query`, with aggregates instead of items; "countd" counts distinct values."""

    select: tuple[str, ...]
    where: tuple[Clause, ...] = ()
    connector: str = "and"
    group: bool = False
    having: tuple[Clause, ...] = ()
    order: tuple[str, ...] = ()
    desc: bool = False
    limit: str = ""
    compound: str = ""
    right: Template | None = None

    def to_json(self) -> list[Any]:
        """Nested lists, read back by `from_json`."""
        return [
            list(self.select),
            [_clause_json(clause) for clause in self.where],
            self.connector,
            self.group,
            [_clause_json(clause) for clause in self.having],
            list(self.order),
            self.desc,
            self.limit,
            self.compound,
            self.right.to_json() if self.right else None,
        ]

    @classmethod
    def from_json(cls, data: list[Any]) -> Template:
        """The template that `to_json` wrote."""
        select, where, connector, group, having, order, desc, limit, compound, right = data
        return cls(
            select=tuple(select),
            where=tuple(_clause(part) for part in where),
            connector=connector,
            group=group,
            having=tuple(_clause(part) for part in having),
            order=tuple(order),
            desc=desc,
            limit=limit,
            compound=compound,
            right=cls.from_json(right) if right else None,
        )

    def parts(self) -> dict[str, str]:
        """The independent decisions behind this template, each as a short text."""
        return {
            "select": ",".join(self.select),
            "where": f" {self.connector} ".join(str(_clause_json(clause)) for clause in self.where),
            "group": f"{self.group} {[_clause_json(clause) for clause in self.having]}",
            "order": f"{','.join(self.order)} {self.desc} {self.limit}",
            "compound": f"{self.compound} {self.right.to_json() if self.right else ''}",
        }


def read_template(query: Query) -> Template:
    """The template of `query`; order of projected items and conditions is made canonical."""
    # Sorted, so that queries which differ in the order of conditions are one template.
    where = sorted((_reduced(condition) for condition in query.where), key=lambda c: str(_clause_json(c)))
    return Template(
        select=tuple(sorted(_word(item) for item in query.select)),
        where=tuple(where),
        connector=query.connector if len(where) > 1 else "and",
        group=bool(query.group),
        having=tuple(_reduced(condition) for condition in query.having),
        order=tuple(item.agg for item in query.order),
        desc=query.desc if query.order else False,
        limit="" if query.limit is None else ("1" if query.limit == 1 else "k"),
        compound=query.compound,
        right=read_template(query.right) if query.right else None,
    )


def _word(item: Item) -> str:
    if item.agg == "count" and item.distinct and item.ref is not None:
        return "countd"
    return item.agg or ("*" if item.ref is None else "")


def _reduced(condition: Condition) -> Clause:
    if isinstance(condition.value, Query):
        return Clause(condition.item.agg, condition.op, read_template(condition.value))
    return Clause(condition.item.agg, "cmp" if condition.op in COMPARISONS else condition.op)


def _clause_json(clause: Clause) -> list[Any]:
    return [clause.agg, clause.op, clause.inner.to_json() if clause.inner else None]


def _clause(data: list[Any]) -> Clause:
    return Clause(data[0], data[1], Template.from_json(data[2]) if data[2] else None)
