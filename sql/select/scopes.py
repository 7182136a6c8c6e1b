"""What each SELECT of a statement joins, compares, aggregates and groups; names as they are written, in lower case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlglot import exp

__all__ = ["Crossing", "Ref", "SelectScope", "read_quotes_as_texts", "read_scopes"]


class Ref(NamedTuple):
    """A column as written: the alias before it ("" for none) and its name."""

    alias: str
    column: str


class Crossing(NamedTuple):
    """A column compared with the one column of a SELECT below; `inner` is that SELECT's place in the list of scopes."""

    outer: Ref
    inner: int
    column: Ref
    extreme: bool  # its MIN, MAX or AVG rather than the column itself


@dataclass(frozen=True)
class SelectScope:
    """One SELECT.

    Attributes:
        tables: Stored tables in FROM by alias.
        sources: How many sources FROM has, derived tables included.
        links: Pairs of columns of two sources that must be equal.
        used: All other references.
        literals: Columns with the literal that they are compared with, and whether it is a text.
        aggregates: Aggregated columns with the function's name.
        rows_counted: Whether it has COUNT(*).
        shown: Plain columns among the items.
        group: Columns of GROUP BY.
        crossings: See `Crossing`.
    """

    tables: Mapping[str, str]
    sources: int
    links: tuple[tuple[Ref, Ref], ...]
    used: tuple[Ref, ...]
    literals: tuple[tuple[Ref, str, bool], ...]
    aggregates: tuple[tuple[str, Ref], ...]
    rows_counted: bool
    shown: tuple[Ref, ...]
    group: tuple[Ref, ...]
    crossings: tuple[Crossing, ...]


def read_quotes_as_texts(tree: exp.Expr) -> None:
    """Make a double-quoted name on the right of a comparison a text, which is how SQLite reads it, in place."""
    from sqlglot import exp

    for column in list(tree.find_all(exp.Column)):
        holder = column.parent
        if column.table or not isinstance(column.this, exp.Identifier) or not column.this.quoted:
            continue
        right = isinstance(holder, exp.Binary) and holder.expression is column and not isinstance(holder, exp.Dot)
        # Only on the right: "name" = 'x' compares a column, name = "x" a text.
        if right or (isinstance(holder, exp.In) and holder.this is not column):
            column.replace(exp.Literal.string(column.name))


def read_scopes(tree: exp.Expr) -> tuple[SelectScope, ...]:
    """All SELECTs, outermost first."""
    from sqlglot import exp

    selects = list(tree.find_all(exp.Select))
    place = {id(select): number for number, select in enumerate(selects)}
    owned: dict[int, list[exp.Column]] = {number: [] for number in range(len(selects))}
    for column in tree.find_all(exp.Column):
        owner = column.find_ancestor(exp.Select)
        if owner is not None and id(owner) in place:
            owned[place[id(owner)]].append(column)
    return tuple(_scope(select, owned[number], place) for number, select in enumerate(selects))


def _scope(select: exp.Select, columns: list[exp.Column], place: Mapping[int, int]) -> SelectScope:
    from sqlglot import exp

    holders = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or [])]
    sources = [holder.this for holder in holders if holder is not None]
    tables = {one.alias_or_name.lower(): one.name.lower() for one in sources if isinstance(one, exp.Table)}
    links, linked = _links(columns)
    group = select.args.get("group")
    grouped = {id(column) for column in group.find_all(exp.Column)} if group is not None else set()
    aggregates, inside = [], set()
    for column in columns:
        found = column.find_ancestor(exp.AggFunc, exp.Select)
        if isinstance(found, exp.AggFunc):
            aggregates.append((type(found).__name__.lower(), _ref(column)))
            inside.add(id(column))
    shown = [item.unalias() for item in select.expressions]
    counts = [one for one in select.find_all(exp.Count) if isinstance(one.this, exp.Star)]
    return SelectScope(
        tables=tables,
        sources=len(sources),
        links=links,
        used=tuple(_ref(one) for one in columns if id(one) not in linked and not isinstance(one.this, exp.Star)),
        literals=tuple(_literals(columns)),
        aggregates=tuple(aggregates),
        rows_counted=any(one.find_ancestor(exp.Select) is select for one in counts),
        shown=tuple(_ref(item) for item in shown if isinstance(item, exp.Column)),
        group=tuple(_ref(one) for one in columns if id(one) in grouped),
        crossings=tuple(_crossings(columns, place)),
    )


def _links(columns: list[exp.Column]) -> tuple[tuple[tuple[Ref, Ref], ...], set[int]]:
    from sqlglot import exp

    links, linked, mine = [], set(), {id(column) for column in columns}
    for column in columns:
        holder = column.parent
        if not isinstance(holder, exp.EQ) or holder.this is not column or not isinstance(holder.expression, exp.Column):
            continue
        other = holder.expression
        # Both columns in one SELECT, of two sources: a comparison with an outer SELECT is a crossing, no join.
        if id(other) in mine and (column.table.lower() != other.table.lower() or not column.table):
            links.append((_ref(column), _ref(other)))
            linked |= {id(column), id(other)}
    return tuple(links), linked


def _literals(columns: list[exp.Column]) -> Iterator[tuple[Ref, str, bool]]:
    from sqlglot import exp

    for column in columns:
        holder = column.parent
        while isinstance(holder, (exp.Lower, exp.Upper, exp.Trim)):
            holder = holder.parent
        if isinstance(holder, exp.In):
            found = holder.expressions
        elif isinstance(holder, (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)):
            found = [holder.this, holder.expression]
        else:
            continue
        yield from ((_ref(column), one.this, one.is_string) for one in found if isinstance(one, exp.Literal))


def _crossings(columns: list[exp.Column], place: Mapping[int, int]) -> Iterator[Crossing]:
    from sqlglot import exp

    for column in columns:
        holder = column.parent
        if isinstance(holder, exp.In) and holder.this is column:
            below = holder.args.get("query")
        elif isinstance(holder, exp.Binary) and isinstance(holder, exp.Predicate):
            below = holder.expression if holder.this is column else holder.this
        else:
            continue
        query = below.unnest() if isinstance(below, exp.Subquery) else None
        if not isinstance(query, exp.Select) or len(query.expressions) != 1 or id(query) not in place:
            continue
        item = query.expressions[0].unalias()
        extreme = isinstance(item, (exp.Min, exp.Max, exp.Avg))
        inner = item.this if extreme else item
        if isinstance(inner, exp.Column):
            yield Crossing(_ref(column), place[id(query)], _ref(inner), extreme)


def _ref(column: exp.Column) -> Ref:
    return Ref(column.table.lower(), column.name.lower())
