"""Joining a further table along foreign keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ..linking.joins import JoinGraph
from .tree import identifier

if TYPE_CHECKING:
    from ..schema import ForeignKey, Schema, Table
    from .tree import View

__all__ = ["add_join"]


def add_join(view: View, table: Table, schema: Schema, *, longest: int = 2) -> bool:
    """Joins `table` to the FROM of `view` over at most `longest` foreign keys; False where no such path exists."""
    names = {known.name.casefold(): alias for alias, known in view.tables.items()}
    graph = JoinGraph(schema)
    goal = table.name.casefold()
    bridges = min((graph.bridges([name, goal], longest=longest) for name in names), key=len, default=[])
    reached = dict(names)
    steps = []
    for name in [*bridges, goal]:
        key = next((k for k in graph.between([*reached, name]) if _touches(k, name, reached)), None)
        if key is None:
            return False
        steps.append((schema.table(name), key))
        reached[name] = schema.table(name).name
    for added, key in steps:
        condition = exp.and_(*(_equal(here, there) for here, there in _ends(key, reached)))
        view.select.join(exp.Table(this=identifier(added.name)), on=condition, copy=False)
        view.tables[added.name.casefold()] = added
    return True


def _touches(key: ForeignKey, name: str, reached: dict[str, str]) -> bool:
    ends = {key.table.casefold(), key.ref_table.casefold()}
    return name in ends and bool((ends - {name}) & reached.keys())


def _ends(key: ForeignKey, reached: dict[str, str]) -> list[tuple[exp.Column, exp.Column]]:
    here, there = reached[key.table.casefold()], reached[key.ref_table.casefold()]
    return [(_column(here, a), _column(there, b)) for a, b in zip(key.columns, key.ref_columns, strict=True)]


def _equal(here: exp.Column, there: exp.Column) -> exp.Expression:
    return exp.EQ(this=here, expression=there)


def _column(alias: str, name: str) -> exp.Column:
    return exp.Column(this=identifier(name), table=identifier(alias))
