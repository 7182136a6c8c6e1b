"""One change to a query that alters what it asks for: what a scorer of queries has to tell from the right one.

Each change takes a copy of the tree, the random generator and what is known of the database, edits the copy, and says
whether it did. Changes that often keep the meaning are not among them (DISTINCT, columns of join conditions).
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["MUTATIONS", "Pool", "mutate"]

_AGGREGATES = (exp.Avg, exp.Sum, exp.Min, exp.Max)
_INEQUALITIES = (exp.GT, exp.GTE, exp.LT, exp.LTE)
_COMPARISONS = (exp.EQ, exp.NEQ, *_INEQUALITIES)
_YEAR = re.compile(r"(?:19|20)\d\d")
_SETS = (exp.Union, exp.Intersect, exp.Except)


@dataclass
class Pool:
    """What may stand in the place of a part of a query on one database.

    Attributes:
        columns: Names of the columns of each table, all in lower case.
        values: Literals that other questions compare a column with, by its name.
        conditions: Conditions of other questions that read one table, by its name; their columns have no table.
    """

    columns: Mapping[str, Sequence[str]]
    values: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    conditions: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def learn(self, tree: exp.Expr) -> None:
        """Take values and conditions from a query."""
        for test in tree.find_all(*_COMPARISONS):
            if isinstance(test.this, exp.Column) and isinstance(test.expression, exp.Literal):
                self.values[test.this.name.lower()].add(test.expression.sql())
        where, source = tree.args.get("where"), tree.args.get("from_")
        if where is None or source is None or tree.args.get("joins") or not isinstance(source.this, exp.Table):
            return
        for part in _conjuncts(where):
            if not part.find(exp.Query):
                self.conditions[source.this.name.lower()].add(_bare(part))


def mutate(tree: exp.Expr, pool: Pool, rng: random.Random, count: int) -> list[exp.Expr]:
    """Up to `count` copies of a query with one change each, of as many kinds as there can be."""
    before = tree.sql()
    found: dict[str, exp.Expr] = {}
    for _ in range(2):  # a kind may have several places to change
        for change in rng.sample(MUTATIONS, len(MUTATIONS)):
            if len(found) == count:
                return list(found.values())
            holder = exp.Paren(this=tree.copy())  # so that the root itself can be replaced
            if change(holder, rng, pool) and (text := holder.this.sql()) != before:
                found.setdefault(text, holder.this)
    return list(found.values())


def _conjuncts(where: exp.Expr) -> list[exp.Expr]:
    inner = where.this.unnest()
    return list(inner.flatten()) if isinstance(inner, exp.And) else [inner]


def _bare(part: exp.Expr) -> str:
    """A condition whose columns have no table."""
    bare = part.copy()
    for column in bare.find_all(exp.Column):
        column.set("table", None)
    return bare.sql(dialect="sqlite")


def _is_key(part: exp.Expr | None) -> bool:
    return isinstance(part, exp.EQ) and isinstance(part.this, exp.Column) and isinstance(part.expression, exp.Column)


def _choose(tree: exp.Expr, rng: random.Random, *kinds: type[exp.Expr]) -> exp.Expr | None:
    found = [node for node in tree.find_all(*kinds) if not node.find_ancestor(exp.Join)]
    return rng.choice(found) if found else None


def _drop_condition(tree: exp.Expr, rng: random.Random, _: Pool) -> bool:
    where = _choose(tree, rng, exp.Where, exp.Having)
    if where is None:
        return False
    parts = _conjuncts(where)
    free = [part for part in parts if not _is_key(part)]
    if not free:
        return False
    gone = rng.choice(free)
    left = [part for part in parts if part is not gone]
    if left:
        where.set("this", exp.and_(*left, copy=True))
    else:
        where.pop()
    return True


def _add_condition(tree: exp.Expr, rng: random.Random, pool: Pool) -> bool:
    select = _choose(tree, rng, exp.Select)
    source = select.args.get("from_") if isinstance(select, exp.Select) else None
    if not isinstance(select, exp.Select) or source is None or not isinstance(source.this, exp.Table):
        return False
    where = select.args.get("where")
    own = {_bare(part) for part in _conjuncts(where)} if where is not None else set()
    known = sorted(pool.conditions.get(source.this.name.lower(), set()) - own)
    if not known:
        return False
    added: exp.Expr = exp.maybe_parse(rng.choice(known), dialect="sqlite")
    if select.args.get("joins"):
        for column in added.find_all(exp.Column):
            column.set("table", exp.to_identifier(source.this.alias_or_name))
    select.where(added, copy=False)
    return True


def _change_operator(tree: exp.Expr, rng: random.Random, _: Pool) -> bool:
    part = _choose(tree, rng, *_COMPARISONS)
    if part is None or _is_key(part):
        return False
    right = part.expression
    kinds: tuple[type[exp.Binary], ...] = (exp.NEQ, exp.GT, exp.LT, exp.EQ)
    if isinstance(part, _INEQUALITIES):
        kinds = _INEQUALITIES
    elif isinstance(right, exp.Literal) and right.is_string:
        kinds = (exp.NEQ, exp.EQ)
    other = rng.choice([kind for kind in kinds if kind is not type(part)])
    part.replace(other(this=part.this.copy(), expression=right.copy()))
    return True


def _flip_direction(tree: exp.Expr, rng: random.Random, _: Pool) -> bool:
    key = _choose(tree, rng, exp.Ordered)
    if key is not None:
        key.set("desc", not key.args.get("desc"))
    return key is not None


def _change_aggregate(tree: exp.Expr, rng: random.Random, pool: Pool) -> bool:
    part = _choose(tree, rng, exp.Count, *_AGGREGATES)
    if part is None:
        return False
    inner = part.this
    if isinstance(part, exp.Count):
        names = _columns(part, pool)
        if isinstance(inner, exp.Star) and names:
            inner = exp.column(rng.choice(names))
        if not isinstance(inner, exp.Column):
            return False
    kinds = [kind for kind in _AGGREGATES if kind is not type(part)]
    # the bare column is the change that forgets the aggregate
    part.replace(rng.choice([*(kind(this=inner.copy()) for kind in kinds), inner.copy(), exp.Count(this=exp.Star())]))
    return True


def _columns(node: exp.Expr, pool: Pool, alias: str = "") -> list[str]:
    """Columns of the table that an alias, or the first table where there is none, stands for."""
    select = node.find_ancestor(exp.Select)
    if select is None:
        return []
    sources = [select.args.get("from_"), *(select.args.get("joins") or ())]
    tables = [one.this for one in sources if one is not None and isinstance(one.this, exp.Table)]
    named = [table for table in tables if not alias or table.alias_or_name.lower() == alias.lower()]
    return list(pool.columns.get(named[0].name.lower(), ())) if named and (alias or len(tables) == 1) else []


def _swap_column(tree: exp.Expr, rng: random.Random, pool: Pool) -> bool:
    column = _choose(tree, rng, exp.Column)
    if not isinstance(column, exp.Column) or _is_key(column.parent) or not isinstance(column.this, exp.Identifier):
        return False
    names = [name for name in _columns(column, pool, column.table) if name != column.name.lower()]
    if not names:
        return False
    column.set("this", exp.to_identifier(rng.choice(names)))
    return True


def _swap_table(tree: exp.Expr, rng: random.Random, pool: Pool) -> bool:
    """Another table's column of the same name, or any column of it."""
    column = _choose(tree, rng, exp.Column)
    select = column.find_ancestor(exp.Select) if column is not None else None
    if not isinstance(column, exp.Column) or select is None or not column.table or _is_key(column.parent):
        return False
    sources = [select.args.get("from_"), *(select.args.get("joins") or ())]
    tables = [one.this for one in sources if one is not None and isinstance(one.this, exp.Table)]
    others = [table for table in tables if table.alias_or_name.lower() != column.table.lower()]
    if not others:
        return False
    other = rng.choice(others)
    names = pool.columns.get(other.name.lower(), ())
    if not names:
        return False
    column.set("this", exp.to_identifier(column.name if column.name.lower() in names else rng.choice(names)))
    column.set("table", exp.to_identifier(other.alias_or_name))
    return True


def _swap_literal(tree: exp.Expr, rng: random.Random, pool: Pool) -> bool:
    literal = _choose(tree, rng, exp.Literal)
    if literal is None or isinstance(literal.parent, (exp.Limit, exp.Select)):
        return False
    if literal.is_int:
        literal.replace(exp.Literal.number(int(literal.name) + rng.choice([-1, 1, 10, -10])))
        return True
    if not literal.is_string:
        literal.replace(exp.Literal.number(float(literal.name) * 2))
        return True
    year = _YEAR.search(literal.name)
    if year is not None:
        shifted = str(int(year.group()) + rng.choice([-1, 1]))
        literal.replace(exp.Literal.string(literal.name[: year.start()] + shifted + literal.name[year.end() :]))
        return True
    column = literal.parent.this if isinstance(literal.parent, _COMPARISONS) else None
    known = pool.values.get(column.name.lower(), set()) if isinstance(column, exp.Column) else set()
    others = sorted(known - {literal.sql()}) or sorted(
        {value for values in pool.values.values() for value in values if value.startswith("'")} - {literal.sql()}
    )
    if not others:
        return False
    literal.replace(exp.maybe_parse(rng.choice(others)))
    return True


def _change_limit(tree: exp.Expr, rng: random.Random, _: Pool) -> bool:
    limit = _choose(tree, rng, exp.Limit)
    if limit is None or not isinstance(limit.expression, exp.Literal):
        return False
    if rng.random() < 0.5:
        limit.pop()
    else:
        limit.set("expression", exp.Literal.number(int(limit.expression.name) + rng.choice([1, 2, 4])))
    return True


def _add_limit(tree: exp.Expr, rng: random.Random, _: Pool) -> bool:
    order = _choose(tree, rng, exp.Order)
    if order is None or not isinstance(order.parent, exp.Select) or order.parent.args.get("limit") is not None:
        return False
    order.parent.limit(1, copy=False)
    return True


def _drop_clause(tree: exp.Expr, rng: random.Random, _: Pool) -> bool:
    clause = _choose(tree, rng, exp.Order, exp.Group, exp.Having)
    if clause is None or clause.parent is None:
        return False
    if isinstance(clause, exp.Order) and clause.parent.args.get("limit") is not None:
        clause.parent.set("limit", None)
    clause.pop()
    return True


def _change_outputs(tree: exp.Expr, rng: random.Random, pool: Pool) -> bool:
    select = tree.find(exp.Select)
    if select is None or not select.expressions:
        return False
    items = select.expressions
    if len(items) > 1 and rng.random() < 0.6:
        gone = rng.randrange(len(items))
        select.set("expressions", [item.copy() for place, item in enumerate(items) if place != gone])
        return True
    first = select.find(exp.Column)
    names = _columns(items[0], pool, first.table if first is not None else "")
    shown = {column.name.lower() for item in items for column in item.find_all(exp.Column)}
    others = [name for name in names if name not in shown]
    if not others:
        return False
    select.append("expressions", exp.column(rng.choice(others), table=first.table if first is not None else None))
    return True


def _swap_connector(tree: exp.Expr, rng: random.Random, _: Pool) -> bool:
    part = _choose(tree, rng, exp.And, exp.Or)
    if part is None or any(_is_key(side) for side in part.flatten()):
        return False
    other = exp.Or if isinstance(part, exp.And) else exp.And
    part.replace(other(this=part.this.copy(), expression=part.expression.copy()))
    return True


def _negate(tree: exp.Expr, rng: random.Random, _: Pool) -> bool:
    part = _choose(tree, rng, exp.In, exp.Like, exp.Exists, exp.Is, *_SETS)
    if part is None:
        return False
    if isinstance(part, _SETS):
        other = rng.choice([kind for kind in _SETS if not isinstance(part, kind)])
        part.replace(other(**{name: value for name, value in part.args.items() if value is not None}))
    elif isinstance(part.parent, exp.Not):
        part.parent.replace(part.copy())
    else:
        part.replace(exp.Not(this=part.copy()))
    return True


def _take_side(tree: exp.Expr, rng: random.Random, _: Pool) -> bool:
    part = _choose(tree, rng, *_SETS)
    if part is not None:
        part.replace(part.args[rng.choice(("this", "expression"))].copy())
    return part is not None


MUTATIONS: Sequence[Callable[[exp.Expr, random.Random, Pool], bool]] = (
    _drop_condition,
    _add_condition,
    _change_operator,
    _flip_direction,
    _change_aggregate,
    _swap_column,
    _swap_table,
    _swap_literal,
    _change_limit,
    _add_limit,
    _drop_clause,
    _change_outputs,
    _swap_connector,
    _negate,
    _take_side,
)
