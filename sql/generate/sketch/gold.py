"""Reads SQL text back into the generator's own query shape; used to learn from gold queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp

from ctxprune.errors import InputError

from ...schema.schema import ColumnRef
from .query import Condition, Item, Literal, Query

if TYPE_CHECKING:
    from ...schema.schema import Schema

__all__ = ["parse_query"]

_COMPARE = {exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.GT: ">", exp.LTE: "<=", exp.GTE: ">="}
_AGGREGATE = {exp.Count: "count", exp.Sum: "sum", exp.Avg: "avg", exp.Min: "min", exp.Max: "max"}
_SETS = {exp.Intersect: "intersect", exp.Union: "union", exp.Except: "except"}


def parse_query(sql: str, schema: Schema) -> Query:
    """The query that `sql` (SQLite) writes, over the columns of `schema`.

    Raises:
        InputError: The text does not parse, or it uses something outside the shape (derived tables, self joins,
            arithmetic, mixed connectors, unknown columns).
    """
    try:
        tree = sqlglot.parse_one(sql, read="sqlite")
    except sqlglot.errors.SqlglotError as error:
        raise InputError("the SQL does not parse", where=sql[:80]) from error
    return _Reader(schema).query(tree)


def _unsupported(node: Any) -> InputError:
    return InputError("outside the sketch's shape", where=str(node)[:80])


class _Reader:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def query(self, tree: Any) -> Query:
        for kind, name in _SETS.items():
            if isinstance(tree, kind):
                left, right = self.query(tree.this), self.query(tree.expression)
                if left.compound or right.compound or tree.args.get("order") or tree.args.get("limit"):
                    raise _unsupported(tree)
                return _with_right(left, name, right)
        if not isinstance(tree, exp.Select):
            raise _unsupported(tree)
        return self.select(tree)

    def select(self, tree: exp.Select) -> Query:
        scope = self.scope(tree)
        order, desc = self.order(tree, scope)
        conditions, connector = self.conditions(tree.args.get("where"), scope)
        having, joint = self.conditions(tree.args.get("having"), scope)
        if joint == "or":
            raise _unsupported(tree)
        group = tree.args.get("group")
        limit = tree.args.get("limit")
        return Query(
            select=tuple(self.item(node, scope) for node in tree.expressions),
            tables=tuple(dict.fromkeys(scope.values())),
            distinct=tree.args.get("distinct") is not None,
            where=conditions,
            connector=connector,
            group=tuple(self.ref(node, scope) for node in group.expressions) if group else (),
            having=having,
            order=order,
            desc=desc,
            limit=int(limit.expression.name) if limit else None,
        )

    def scope(self, tree: exp.Select) -> dict[str, str]:
        source = tree.args.get("from_") or tree.args.get("from")
        if source is None:
            raise _unsupported(tree)
        nodes = [source.this, *(join.this for join in tree.args.get("joins") or ())]
        scope: dict[str, str] = {}
        for node in nodes:
            if not isinstance(node, exp.Table) or node.name not in self.schema:
                raise _unsupported(node)
            scope[node.alias_or_name.casefold()] = self.schema.table(node.name).name
        # A self join: the sketch has no aliases to tell the two tables apart.
        if len(set(scope.values())) != len(nodes):
            raise _unsupported(tree)
        return scope

    def order(self, tree: exp.Select, scope: dict[str, str]) -> tuple[tuple[Item, ...], bool]:
        node = tree.args.get("order")
        if node is None:
            return (), False
        ways = [bool(part.args.get("desc")) for part in node.expressions]
        return tuple(self.item(part.this, scope) for part in node.expressions), ways[-1]

    def conditions(self, node: Any, scope: dict[str, str]) -> tuple[tuple[Condition, ...], str]:
        if node is None:
            return (), "and"
        tree = node.this.unnest() if isinstance(node.this, exp.Paren) else node.this
        kinds = {type(part) for part in tree.walk(prune=lambda n: not isinstance(n, (exp.And, exp.Or)))}
        # The sketch joins all conditions by one connector.
        if exp.And in kinds and exp.Or in kinds:
            raise _unsupported(tree)
        parts = list(tree.flatten()) if isinstance(tree, (exp.And, exp.Or)) else [tree]
        return tuple(self.condition(part, scope) for part in parts), "or" if exp.Or in kinds else "and"

    def condition(self, node: Any, scope: dict[str, str]) -> Condition:
        negated = isinstance(node, exp.Not)
        if negated:
            node = node.this
        if isinstance(node, exp.Paren):
            node = node.unnest()
        if isinstance(node, exp.Is):
            return Condition(self.item(node.this, scope), "is not null" if negated else "is null")
        if isinstance(node, exp.In) and node.args.get("query") is not None:
            inner = self.query(node.args["query"].unnest())
            return Condition(self.item(node.this, scope), "not in" if negated else "in", inner)
        if isinstance(node, exp.Like):
            return Condition(
                self.item(node.this, scope), "not like" if negated else "like", self.literal(node.expression)
            )
        if negated:
            raise _unsupported(node)
        if isinstance(node, exp.Between):
            low, high = self.literal(node.args["low"]), self.literal(node.args["high"])
            return Condition(self.item(node.this, scope), "between", (low, high))
        op = _COMPARE.get(type(node))
        if op is None:
            raise _unsupported(node)
        if isinstance(node.expression, exp.Subquery):
            return Condition(self.item(node.this, scope), op, self.query(node.expression.unnest()))
        return Condition(self.item(node.this, scope), op, self.literal(node.expression))

    def literal(self, node: Any) -> Literal:
        if isinstance(node, exp.Neg):
            value = self.literal(node.this)
            if isinstance(value, str):
                raise _unsupported(node)
            return -value
        if isinstance(node, exp.Literal):
            if node.is_string:
                return str(node.this)
            text = str(node.this)
            return int(text) if text.isdigit() else float(text)
        if isinstance(node, exp.Column) and not node.table and node.this.args.get("quoted"):
            return node.name
        raise _unsupported(node)

    def item(self, node: Any, scope: dict[str, str]) -> Item:
        if isinstance(node, exp.Alias):
            node = node.this
        agg = _AGGREGATE.get(type(node))
        if agg is None:
            return Item(None if isinstance(node, exp.Star) else self.ref(node, scope))
        inner = node.this
        distinct = isinstance(inner, exp.Distinct)
        if distinct:
            inner = inner.expressions[0]
        if isinstance(inner, exp.Star):
            return Item(None, agg)
        return Item(self.ref(inner, scope), agg, distinct)

    def ref(self, node: Any, scope: dict[str, str]) -> ColumnRef:
        if not isinstance(node, exp.Column):
            raise _unsupported(node)
        if isinstance(node.this, exp.Star):
            raise _unsupported(node)
        if node.table:
            name = scope.get(node.table.casefold())
            if name is None or node.name not in self.schema.table(name):
                raise _unsupported(node)
            return ColumnRef(name, self.schema.table(name).column(node.name).name)
        for name in scope.values():
            if node.name in self.schema.table(name):
                return ColumnRef(name, self.schema.table(name).column(node.name).name)
        raise _unsupported(node)


def _with_right(left: Query, compound: str, right: Query) -> Query:
    from dataclasses import replace

    return replace(left, compound=compound, right=right)
