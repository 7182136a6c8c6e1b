"""Joining a further table along foreign keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ..schema.joins import JoinGraph
from .tree import from_sources, make_identifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..schema.schema import ForeignKey, Schema, Table
    from .tree import SelectView

__all__ = ["add_join", "repair_conditions"]


def add_join(view: SelectView, table: Table, schema: Schema, *, longest: int = 2) -> bool:
    """Joins `table` to the FROM of `view` over at most `longest` foreign keys; False where no such path exists."""
    names = {known.name.casefold(): alias for alias, known in view.tables.items()}
    graph = JoinGraph(schema)
    goal = table.name.casefold()
    routes = (_route(graph, [*graph.bridges([name, goal], longest=longest), goal], names) for name in names)
    # The shortest route; of equal ones that of the earlier table.
    route = min((route for route in routes if route), key=len, default=None)
    if route is None:
        return False
    reached = dict(names)
    for name, key in route:
        added = schema.table(name)
        reached[name] = added.name
        view.select.join(exp.Table(this=make_identifier(added.name)), on=_condition(key, reached), copy=False)
        view.tables[name] = added
    return True


def repair_conditions(view: SelectView, schema: Schema) -> bool:
    """Replaces every JOIN condition that names an unknown column by the key between its table and an earlier one."""
    # By identity: equal columns occur in several places, and only some of them are wrong.
    lost = {id(column) for column in view.lost()}
    graph = JoinGraph(schema)
    earlier: dict[str, str] = {}
    changed = False
    for source, join in zip(from_sources(view.select), [None, *(view.select.args.get("joins") or ())], strict=False):
        alias = source.alias_or_name.casefold()
        name = view.tables[alias].name.casefold() if alias in view.tables else ""
        condition = join.args.get("on") if join is not None else None
        if condition is not None and any(id(column) in lost for column in condition.find_all(exp.Column)):
            key = next((k for k in graph.between([*earlier, name]) if _touches(k, name, earlier)), None)
            if key is not None and join is not None:
                join.set("on", _condition(key, {**earlier, name: alias}))
                changed = True
        earlier.setdefault(name, alias)
    return changed


def _route(graph: JoinGraph, tables: Sequence[str], start: Mapping[str, str]) -> list[tuple[str, ForeignKey]]:
    """The key by which each of `tables` joins those before it; [] where one has none."""
    reached = dict(start)
    route = []
    for name in tables:
        key = next((k for k in graph.between([*reached, name]) if _touches(k, name, reached)), None)
        if key is None:
            return []
        route.append((name, key))
        reached[name] = name
    return route


def _touches(key: ForeignKey, name: str, reached: Mapping[str, str]) -> bool:
    ends = {key.table.casefold(), key.ref_table.casefold()}
    return name in ends and bool((ends - {name}) & reached.keys())


def _condition(key: ForeignKey, reached: Mapping[str, str]) -> exp.Condition:
    here, there = reached[key.table.casefold()], reached[key.ref_table.casefold()]
    pairs = zip(key.columns, key.ref_columns, strict=True)
    return exp.and_(*(exp.EQ(this=_column(here, a), expression=_column(there, b)) for a, b in pairs))


def _column(alias: str, name: str) -> exp.Column:
    return exp.Column(this=make_identifier(name), table=make_identifier(alias))
