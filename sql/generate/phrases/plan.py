"""A query as sqlglot expressions over real table names, and the writer that joins the tables it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from ctxprune.errors import GenerationError

from .names import key_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...schema.schema import ColumnRef, Schema
    from ..sketch.joins import Edge
    from .joins import CheapJoins
    from .roles import Roles

__all__ = ["Plan", "PlanWriter", "column", "count_of", "has_aggregate", "tables_of", "text_of"]

ENTITY = "entity"  # key of an expression's meta: the table whose rows COUNT(*) counts
_TABLES, _TEXT = "tables", "text"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLAIN_LOWER = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True)
class Plan:
    """One SELECT. Columns are qualified by real table names; the writer adds the joins.

    Attributes:
        select: What is shown.
        tables: Tables that must be joined even where no expression names them; the first is what the rows are about.
        where, group, having: Conditions and keys, conditions joined by AND.
        order: Sort keys, each with True for descending.
        limit: Rows kept, None for all.
        offset: Rows left out before them: 1 for the second of all.
        distinct: SELECT DISTINCT.
        via: Foreign-key columns to join over where two tables are tied by several.
        said: Tables that the question mentions, which joins rather pass through.
        source: A query to select from in place of tables, under the name `SOURCE`.
    """

    select: tuple[exp.Expression, ...]
    tables: tuple[str, ...] = ()
    where: tuple[exp.Expression, ...] = ()
    group: tuple[exp.Expression, ...] = ()
    having: tuple[exp.Expression, ...] = ()
    order: tuple[tuple[exp.Expression, bool], ...] = ()
    limit: int | None = None
    offset: int = 0
    distinct: bool = False
    via: tuple[ColumnRef, ...] = ()
    said: tuple[str, ...] = ()
    source: Plan | None = None

    @property
    def parts(self) -> tuple[exp.Expression, ...]:
        """Every expression of the query."""
        return (*self.select, *self.where, *self.group, *self.having, *(key for key, _ in self.order))


SOURCE = "grouped"


def column(ref: ColumnRef) -> exp.Column:
    """A column qualified by its table's real name."""
    return exp.Column(this=exp.to_identifier(ref.column), table=exp.to_identifier(ref.table))


def count_of(table: str) -> exp.Expression:
    """The number of rows of one table; the writer decides whether a join makes DISTINCT necessary."""
    count = exp.Count(this=exp.Star())
    count.meta[ENTITY] = table
    return count


def has_aggregate(node: exp.Expression) -> bool:
    """Whether an aggregate stands in it, outside of sub-queries and windows."""
    return any(isinstance(part, exp.AggFunc) for part in _outer(node))


def tables_of(nodes: Sequence[exp.Expression]) -> list[str]:
    """Tables that these expressions need, in order, without those of sub-queries."""
    return list(dict.fromkeys(name for node in nodes for name in _tables(node)))


def _tables(node: exp.Expression) -> list[str]:
    # Kept with the node: the same few are asked for in hundreds of plans, and the writer changes only its own copies.
    held: list[str] | None = node.meta.get(_TABLES)
    if held is None:
        held = []
        for part in _outer(node):
            if isinstance(part, exp.Column) and part.table:
                held.append(part.table)
            elif ENTITY in part.meta:
                held.append(part.meta[ENTITY])
        node.meta[_TABLES] = held
    return held


def text_of(node: exp.Expression) -> str:
    """What tells two expressions apart; kept with the node."""
    text: str | None = node.meta.get(_TEXT)
    if text is None:
        text = node.meta[_TEXT] = f"{node.sql()} {node.meta.get(ENTITY, '')}"
    return text


def _outer(node: exp.Expression) -> Iterator[Any]:
    """All nodes outside of sub-queries."""
    yield from node.walk(prune=lambda part: isinstance(part, (exp.Query, exp.Exists)))


class PlanWriter:
    """Writes plans over one schema as SQL text.

    Args:
        schema: With natural names and keys (see `names`).
        graph: Its join graph.
        roles: Second copies of tables in it; none by default.
    """

    def __init__(self, schema: Schema, graph: CheapJoins, roles: Roles | None = None) -> None:
        self._schema = schema
        self._roles = {} if roles is None else roles.by_name
        self._graph = graph
        self._dialect = schema.dialect
        dialect = Dialect.get_or_raise(schema.dialect)
        self._keywords = {word for phrase in dialect.tokenizer_class.KEYWORDS for word in phrase.split()}
        self._nulls = dialect.NULL_ORDERING
        self._plain = _PLAIN_LOWER if schema.dialect == "postgres" else _PLAIN  # which folds bare names
        self._keys = {table.name: key_column(table) for table in schema.tables}

    def write(self, plan: Plan) -> str:
        """The SQL text of `plan`.

        Raises:
            GenerationError: Its tables cannot be joined.
        """
        tree = self._select(plan)
        self._name_roles(tree)
        for name in tree.find_all(exp.Identifier):
            name.set("quoted", not self._plain.fullmatch(name.name) or name.name.upper() in self._keywords)
        return str(tree.sql(dialect=self._dialect))

    def _name_roles(self, tree: exp.Select) -> None:
        """Second copies read from the stored table, under their own name."""
        for node in list(tree.find_all(exp.Table)) if self._roles else ():
            role = self._roles.get(node.name)
            if role is not None:
                stored = self._table(role.table)
                stored.set("alias", exp.TableAlias(this=exp.to_identifier(role.name)))
                node.replace(stored)

    def multiplies(self, plan: Plan) -> bool:
        """Whether the joins may repeat the rows of the plan's first table."""
        tables, path = self._path(plan)
        return bool(path) and self._multiplied(tables[0], path)

    def joined(self, plan: Plan) -> list[str]:
        """The tables of the query, also those that only lead from one to another.

        Raises:
            GenerationError: They cannot be joined.
        """
        return self.joined(plan.source) if plan.source is not None else self._path(plan)[0]

    def path(self, first: str, last: str) -> Sequence[Edge]:
        """The joins from one table to another; () where there are none."""
        return self._graph.connect([first, last]) or ()

    def refers(self, edge: Edge) -> bool:
        """Whether one side of a join is the key of its table."""
        return edge.columns == (self._keys.get(edge.table),) or edge.other_columns == (self._keys.get(edge.other),)

    def _path(self, plan: Plan) -> tuple[list[str], list[Edge]]:
        tables = list(dict.fromkeys([*plan.tables, *tables_of(plan.parts)]))
        if not tables:
            raise GenerationError("a query without tables", where="")
        path = self._graph.connect(tables, plan.via, plan.said)
        if path is None:
            raise GenerationError("no join path between the tables", where=", ".join(tables))
        return [tables[0], *(edge.other for edge in path)], path

    def _select(self, plan: Plan) -> exp.Select:
        plan = _copied(plan)
        if plan.source is not None:
            inner = self._select(plan.source)
            for number, output in enumerate(inner.expressions):
                inner.expressions[number] = exp.alias_(output, f"c{number + 1}", copy=False)
            inner.set("expressions", list(inner.expressions))
            select = exp.Select(expressions=list(plan.select)).from_(inner.subquery(SOURCE, copy=False), copy=False)
            return self._tail(select, plan)
        names, path = self._path(plan)
        plan = replace(plan, where=(*plan.where, *self._referred(names)))
        self._count(plan, names, path)
        names, path = self._pruned(plan, names, path)
        select = exp.Select(expressions=list(plan.select)).from_(self._table(names[0]), copy=False)
        for edge in path:
            pairs = zip(edge.columns, edge.other_columns, strict=True)
            on = [exp.EQ(this=_bare(edge.table, a), expression=_bare(edge.other, b)) for a, b in pairs]
            select = select.join(self._table(edge.other), on=reduce(_and, on), copy=False)
        return self._tail(select, plan)

    def _referred(self, names: Sequence[str]) -> list[exp.Expression]:
        """ "All managers" are those whom another row refers to."""
        found: list[exp.Expression] = []
        for role in (self._roles[name] for name in names if name in self._roles):
            key = self._keys[role.name]
            if role.base not in names and key is not None:
                inner = exp.select(exp.column(role.column)).from_(self._table(role.base))
                found.append(exp.In(this=_bare(role.name, key), query=exp.Subquery(this=inner)))
        return found

    def _count(self, plan: Plan, names: list[str], path: list[Edge]) -> None:
        """COUNT(*) of a table whose rows a join repeats becomes COUNT(DISTINCT key)."""
        for node in plan.parts:
            for part in _outer(node):
                table = part.meta.get(ENTITY)
                if table in names and self._keys[table] and self._multiplied(table, path):
                    part.set("this", exp.Distinct(expressions=[_bare(table, self._keys[table] or "")]))

    def _multiplied(self, table: str, path: list[Edge]) -> bool:
        """Does a way from `table` through the joins lead to a side with several rows?"""
        reached, grown = {table}, True
        while grown:
            grown = False
            for edge in (*path, *(edge.flipped() for edge in path)):
                if edge.table in reached and edge.other not in reached:
                    if edge.other_columns != (self._keys[edge.other],):
                        return True
                    reached.add(edge.other)
                    grown = True
        return False

    def _pruned(self, plan: Plan, names: list[str], path: list[Edge]) -> tuple[list[str], list[Edge]]:
        """Leaves out a table of which only the key is read that another table refers to."""
        for name in [names[0], *reversed(names[1:])]:
            touching = [edge for edge in path if name in (edge.table, edge.other)]
            if len(touching) != 1 or len(path) == 0:
                continue
            edge = touching[0] if touching[0].table == name else touching[0].flipped()
            used = _columns(plan, name)
            if edge.columns != (self._keys[name],) or {part.name for part in used} - set(edge.columns):
                continue
            if any(name in str(sub) for node in plan.parts for sub in node.find_all(exp.Query)):
                continue  # a sub-query may refer to it
            for part in used:
                part.set("this", exp.to_identifier(edge.other_columns[0]))
                part.set("table", exp.to_identifier(edge.other))
            rest = [step for step in path if step is not touching[0]]
            left = [other for other in names if other != name]
            # The joins must grow from the new first table.
            return self._pruned(plan, left, _grown(left[0], rest))
        return names, path

    def _tail(self, select: exp.Select, plan: Plan) -> exp.Select:
        if plan.distinct:
            select = select.distinct(copy=False)
        if plan.where:
            select = select.where(reduce(_and, map(_wrapped, plan.where)), copy=False)
        if plan.group:
            select = select.group_by(*plan.group, copy=False)
        if plan.having:
            select = select.having(reduce(_and, plan.having), copy=False)
        if plan.order:
            keys = [
                exp.Ordered(this=key, desc=desc, nulls_first=self._nulls_first(key, desc)) for key, desc in plan.order
            ]
            select = select.order_by(*keys, copy=False)
        select = select if plan.limit is None else select.limit(plan.limit, copy=False)
        return select.offset(plan.offset, copy=False) if plan.offset else select

    def _nulls_first(self, key: exp.Expression, desc: bool) -> bool:
        """The engine's own way, so that nothing is written, but that what is unknown is not the most of all."""
        if self._nulls == "nulls_are_large":
            return desc and isinstance(key, exp.Count)
        return self._nulls != "nulls_are_last" and not desc

    def _table(self, name: str) -> exp.Table:
        table = self._schema.table(name)
        where = exp.to_identifier(table.namespace) if table.namespace else None
        return exp.Table(this=exp.to_identifier(table.bare), db=where)


def _bare(table: str, name: str) -> exp.Column:
    return exp.Column(this=exp.to_identifier(name), table=exp.to_identifier(table))


def _columns(plan: Plan, table: str) -> list[exp.Column]:
    return [p for node in plan.parts for p in _outer(node) if isinstance(p, exp.Column) and p.table == table]


def _copied(plan: Plan) -> Plan:
    """Its own nodes, since the writer changes them."""
    return replace(
        plan,
        select=tuple(node.copy() for node in plan.select),
        where=tuple(node.copy() for node in plan.where),
        group=tuple(node.copy() for node in plan.group),
        having=tuple(node.copy() for node in plan.having),
        order=tuple((node.copy(), desc) for node, desc in plan.order),
    )


def _grown(first: str, edges: list[Edge]) -> list[Edge]:
    """The same joins in an order in which each one adds a table to those from `first` on."""
    joined, path, rest = {first}, [], list(edges)
    while rest:
        edge = next(edge for edge in rest if edge.table in joined or edge.other in joined)
        rest.remove(edge)
        turned = edge if edge.table in joined else edge.flipped()
        path.append(turned)
        joined.add(turned.other)
    return path


def _wrapped(node: exp.Expression) -> exp.Expression:
    return exp.Paren(this=node) if isinstance(node, exp.Or) else node


def _and(left: Any, right: Any) -> Any:
    return exp.And(this=left, expression=right)
