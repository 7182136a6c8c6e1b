"""Writes a query shape as SQL text of one dialect, through sqlglot's tree: names and literals are always quoted."""

from __future__ import annotations

from copy import copy
from functools import reduce
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from ctxprune.errors import GenerationError

from ..identifiers import make_identifier
from .periods import day_bounds
from .query import Condition, Item, Query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ...schema.schema import ColumnRef
    from .joins import JoinPaths
    from .typed import ColumnTypes

__all__ = ["SqlWriter"]

_COMPARE = {"=": exp.EQ, "!=": exp.NEQ, "<": exp.LT, ">": exp.GT, "<=": exp.LTE, ">=": exp.GTE}
_AGGREGATE = {"count": exp.Count, "sum": exp.Sum, "avg": exp.Avg, "min": exp.Min, "max": exp.Max}
_SETS = {"intersect": exp.Intersect, "union": exp.Union, "except": exp.Except}
_CASED = ("postgres", "duckdb")  # LIKE heeds the case


class SqlWriter:
    """Renders queries over one schema.

    Args:
        graph: The join graph of that schema.
        dialect: sqlglot's name of the dialect.
        dates: Columns that hold days; a year or month compared with one of them becomes its days.
        types: What the columns hold, where they have types that a query must heed.
    """

    def __init__(
        self, graph: JoinPaths, dialect: str, *, dates: Collection[ColumnRef] = (), types: ColumnTypes | None = None
    ) -> None:
        self._graph = graph
        self._dialect = dialect
        self._dates = frozenset(dates)
        self._types = types
        self._like = exp.ILike if dialect in _CASED else exp.Like  # the words of a question say nothing of the case
        self._nulls = Dialect.get_or_raise(dialect).NULL_ORDERING

    def with_dates(self, dates: Collection[ColumnRef]) -> SqlWriter:
        """The same with further columns that hold days."""
        if self._dates.issuperset(dates):
            return self
        writer = copy(self)
        writer._dates = self._dates.union(dates)
        return writer

    def write(self, query: Query) -> str:
        """The SQL text of `query`.

        Raises:
            GenerationError: Its tables cannot be joined.
        """
        return str(self._query(query).sql(dialect=self._dialect))

    def _query(self, query: Query) -> Any:
        left = self._select(query)
        if query.right is None:
            return left
        return _SETS[query.compound](this=left, expression=self._select(query.right), distinct=True)

    def _select(self, query: Query) -> exp.Select:
        if self._types is not None:
            query = self._types.fit(query)
        path = self._graph.connect(query.tables, query.via)
        if path is None:
            raise GenerationError("no join path between the tables", where=", ".join(query.tables))
        names = list(dict.fromkeys([query.tables[0], *(edge.other for edge in path)]))
        # A filled template may name a column of a table that its path does not reach.
        if stray := query.named_tables - set(names):
            raise GenerationError("a column of a table that is not joined", where=", ".join(sorted(stray)))
        # Aliases only where there is a join, in which bare names may be ambiguous.
        alias = {name: f"T{i}" for i, name in enumerate(names, 1)} if len(names) > 1 else {}
        select = exp.Select(expressions=[self._item(item, alias) for item in query.select])
        select = select.from_(self._table(names[0], alias), copy=False)
        for edge in path:
            pairs = zip(edge.columns, edge.other_columns, strict=True)
            on = [
                exp.EQ(this=self._bare(a, alias[edge.table]), expression=self._bare(b, alias[edge.other]))
                for a, b in pairs
            ]
            select = select.join(self._table(edge.other, alias), on=reduce(_and, on), copy=False)
        if query.distinct:
            select = select.distinct(copy=False)
        return self._tail(select, query, alias)

    def _tail(self, select: exp.Select, query: Query, alias: Mapping[str, str]) -> exp.Select:
        if query.where:
            join = _or if query.connector == "or" else _and
            select = select.where(reduce(join, [self._condition(c, alias) for c in query.where]), copy=False)
        if query.group:
            select = select.group_by(*(self._column(ref, alias) for ref in query.group), copy=False)
        if query.having:
            select = select.having(reduce(_and, [self._condition(c, alias) for c in query.having]), copy=False)
        if query.order:
            keys = [
                exp.Ordered(
                    this=self._item(item, alias), desc=query.desc, nulls_first=self._nulls_first(item, query.desc)
                )
                for item in query.order
            ]
            select = select.order_by(*keys, copy=False)
        if query.limit is not None:
            select = select.limit(query.limit, copy=False)
        return select

    def _nulls_first(self, item: Item, desc: bool) -> bool:
        """The engine's own way, so that nothing is written, but that what is unknown is not the most of all."""
        if self._nulls == "nulls_are_large":
            return desc and item.agg == "count"
        return self._nulls != "nulls_are_last" and not desc

    def _condition(self, condition: Condition, alias: Mapping[str, str]) -> Any:
        left, op, value = self._item(condition.item, alias), condition.op, condition.value
        if condition.item.ref in self._dates and not condition.item.agg and (found := day_bounds(op, value)):
            bounds, negated = found
            test = reduce(_and, [_COMPARE[sign](this=left, expression=_literal(day)) for sign, day in bounds])
            return exp.Not(this=exp.Paren(this=test)) if negated else test
        if op in ("is null", "is not null"):
            test = exp.Is(this=left, expression=exp.Null())
            return exp.Not(this=test) if op == "is not null" else test
        if op in ("in", "not in") and isinstance(value, Query):
            inside = exp.In(this=left, query=exp.Subquery(this=self._query(value)))
            return exp.Not(this=inside) if op == "not in" else inside
        if op == "between" and isinstance(value, tuple):
            return exp.Between(this=left, low=_literal(value[0]), high=_literal(value[1]))
        right = exp.Subquery(this=self._query(value)) if isinstance(value, Query) else _literal(value)
        if op in ("like", "not like"):
            like = self._like(this=self._as_text(condition.item, left), expression=right)
            return exp.Not(this=like) if op == "not like" else like
        return _COMPARE[op](this=left, expression=right)

    def _as_text(self, item: Item, written: Any) -> Any:
        """LIKE takes texts only where columns have types."""
        if self._types is None or item.ref in self._types.texts:
            return written
        return exp.Cast(this=written, to=exp.DataType.build("text"))

    def _item(self, item: Item, alias: Mapping[str, str]) -> Any:
        inner: Any = exp.Star() if item.ref is None else self._column(item.ref, alias)
        if not item.agg:
            return inner
        if item.distinct:
            inner = exp.Distinct(expressions=[inner])
        return _AGGREGATE[item.agg](this=inner)

    def _column(self, ref: ColumnRef, alias: Mapping[str, str]) -> exp.Column:
        return self._bare(ref.column, alias.get(ref.table, ""))

    def _bare(self, column: str, alias: str) -> exp.Column:
        table = exp.to_identifier(alias) if alias else None
        return exp.Column(this=make_identifier(column, self._dialect), table=table)

    def _table(self, name: str, alias: Mapping[str, str]) -> exp.Table:
        table = exp.Table(this=make_identifier(name, self._dialect))
        if name in alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(alias[name])))
        return table


def _and(left: Any, right: Any) -> Any:
    return exp.And(this=left, expression=right)


def _or(left: Any, right: Any) -> Any:
    return exp.Or(this=left, expression=right)


def _literal(value: Any) -> Any:
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, (int, float)):
        return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
    raise GenerationError("a literal of that kind cannot be written", where=repr(value)[:60])
