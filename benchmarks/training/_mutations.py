"""Wrong (and a few right) variants of gold SQL, of the kinds that language models write."""

# ruff: noqa: ARG001 - every change takes the same arguments
from __future__ import annotations

import random
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.sql.schema.schema import Schema, Table

__all__ = ["variants"]

_AGGREGATES = (exp.Max, exp.Min, exp.Avg, exp.Sum)
_COMPARISONS = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.EQ, exp.NEQ)


def variants(gold: str, schema: Schema, rng: random.Random, n: int) -> list[str]:
    """Up to `n` different texts, each one or two changes away from `gold`; () where it cannot be parsed."""
    try:
        tree = sqlglot.parse_one(gold, read="sqlite")
    except SqlglotError:
        return []
    made: dict[str, None] = {}
    for _ in range(6 * n):
        copy = tree.copy()
        for _ in range(1 if rng.random() < 0.75 else 2):
            change = rng.choice(_CHANGES)
            changed = change(copy, schema, rng)
            copy = copy if changed is None else changed
        text = copy.sql(dialect="sqlite")
        if text != tree.sql(dialect="sqlite"):
            made.setdefault(text)
        if len(made) == n:
            break
    return list(made)


def _outer(tree: exp.Expression) -> exp.Select:
    while isinstance(tree, exp.SetOperation):
        tree = tree.this
    return tree if isinstance(tree, exp.Select) else tree.find(exp.Select)  # type: ignore[return-value]


def _sources(select: exp.Select, schema: Schema) -> list[tuple[str, Table]]:
    """(alias, table) of the stored tables in FROM."""
    known = {table.name.lower(): table for table in schema.tables}
    nodes = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or [])]
    found = [node.this for node in nodes if node is not None and isinstance(node.this, exp.Table)]
    return [(t.alias_or_name, known[t.name.lower()]) for t in found if t.name.lower() in known]


def _a_column(select: exp.Select, schema: Schema, rng: random.Random) -> exp.Column | None:
    sources = _sources(select, schema)
    if not sources:
        return None
    alias, table = rng.choice(sources)
    column = rng.choice(table.columns).name
    return exp.column(column, table=alias, quoted=True) if len(sources) > 1 else exp.column(column, quoted=True)


def _more_columns(tree, schema, rng):
    select = _outer(tree)
    choices: list[exp.Expression] = []
    for key in ("order", "having", "group", "where"):
        if (part := select.args.get(key)) is not None:
            choices += [node.copy() for node in part.find_all(exp.AggFunc)][:1] or [
                node.copy() for node in part.find_all(exp.Column)
            ][:1]
    one = _a_column(select, schema, rng)
    choices += [one] if one is not None else []
    if choices:
        select.append("expressions", rng.choice(choices))


def _fewer_columns(tree, schema, rng):
    select = _outer(tree)
    if len(select.expressions) > 1:
        select.expressions.pop(rng.randrange(len(select.expressions)))


def _swapped_columns(tree, schema, rng):
    select = _outer(tree)
    if len(select.expressions) > 1:
        items = list(select.expressions)
        rng.shuffle(items)
        select.set("expressions", items)


def _other_column(tree, schema, rng):
    select = rng.choice(list(tree.find_all(exp.Select)))
    scope = select if rng.random() < 0.4 else rng.choice([select.expressions[0], select.args.get("where") or select])
    columns = [c for c in scope.find_all(exp.Column) if not isinstance(c.this, exp.Star)]
    other = _a_column(select, schema, rng)
    if columns and other is not None:
        rng.choice(columns).replace(other)


def _extreme(tree, schema, rng):
    """ORDER BY x LIMIT 1 as a comparison with MAX or MIN, which keeps ties."""
    select = _outer(tree)
    order, limit = select.args.get("order"), select.args.get("limit")
    if order is None or limit is None or select.args.get("group") is not None:
        return
    item = order.expressions[0]
    columns = [c for c in (item.this,) if isinstance(c, exp.Column)]
    if not columns:
        return
    kind = exp.Max if item.args.get("desc") else exp.Min
    inner = exp.select(kind(this=exp.column(columns[0].name, quoted=True)))
    owner = [t for _, t in _sources(select, schema) if columns[0].name.lower() in {c.name.lower() for c in t.columns}]
    if not owner:
        return
    inner = inner.from_(exp.to_table(owner[0].name))
    select.set("order", None)
    select.set("limit", None)
    select.where(exp.EQ(this=columns[0].copy(), expression=exp.Subquery(this=inner)), copy=False)


def _first_only(tree, schema, rng):
    """A comparison with MAX or MIN as ORDER BY x LIMIT 1, which drops ties."""
    for where in tree.find_all(exp.Where):
        for leaf in where.find_all(exp.EQ):
            sub = leaf.expression
            if (
                isinstance(sub, exp.Subquery)
                and isinstance(leaf.parent, exp.Where)
                and (f := sub.find(exp.Max, exp.Min))
            ):
                select, column = where.parent, leaf.this.copy()
                select.set("where", None)
                select.order_by(exp.Ordered(this=column, desc=isinstance(f, exp.Max)), copy=False)
                select.limit(1, copy=False)
                return


def _compound(tree, schema, rng):
    """INTERSECT, EXCEPT or UNION as another of them, or as one SELECT with both conditions."""
    if not isinstance(tree, exp.SetOperation):
        return None
    if rng.random() < 0.4:
        kind = rng.choice([exp.Intersect, exp.Union, exp.Except])
        return kind(this=tree.this.copy(), expression=tree.expression.copy(), distinct=True)
    left, right = tree.this.copy(), tree.expression
    if not isinstance(left, exp.Select):
        return None
    wheres = [one.args.get("where") for one in (left, right)]
    if all(wheres):
        join = rng.choice([exp.and_, exp.or_])
        left.set("where", exp.Where(this=join(wheres[0].this.copy(), wheres[1].this.copy())))
    return left


def _literal(tree, schema, rng):
    found = [x for x in tree.find_all(exp.Literal) if not isinstance(x.parent, exp.Limit)]
    if not found:
        return
    one = rng.choice(found)
    if not one.is_string:
        one.replace(exp.Literal.number(one.this + rng.choice(["0", "1"])))
        return
    text = one.this
    forms = [text.lower(), text.upper(), text.title(), f" {text}", f"%{text}%", text.split(" ")[0], f"{text}s"]
    new = exp.Literal.string(rng.choice(forms))
    if "%" in new.this and isinstance(one.parent, exp.EQ):
        one.parent.replace(exp.Like(this=one.parent.this.copy(), expression=new))
    else:
        one.replace(new)


def _condition(tree, schema, rng):
    """One condition of WHERE or HAVING goes, or its comparison changes."""
    leaves = [
        leaf
        for clause in tree.find_all(exp.Where, exp.Having)
        for leaf in clause.find_all(*_COMPARISONS, exp.Like, exp.In, exp.Between)
    ]
    if not leaves:
        return
    leaf = rng.choice(leaves)
    if rng.random() < 0.5 and isinstance(leaf, _COMPARISONS):
        kind = rng.choice([k for k in _COMPARISONS if not isinstance(leaf, k)])
        leaf.replace(kind(this=leaf.this.copy(), expression=leaf.expression.copy()))
    elif isinstance(leaf.parent, exp.Connector):
        leaf.parent.replace((leaf.parent.expression if leaf.parent.this is leaf else leaf.parent.this).copy())
    elif isinstance(leaf.parent, (exp.Where, exp.Having)):
        leaf.parent.pop()


def _connector(tree, schema, rng):
    found = list(tree.find_all(exp.And, exp.Or))
    if found:
        one = rng.choice(found)
        kind = exp.Or if isinstance(one, exp.And) else exp.And
        one.replace(kind(this=one.this.copy(), expression=one.expression.copy()))


def _order(tree, schema, rng):
    select = _outer(tree)
    order = tree.args.get("order") or select.args.get("order")
    roll = rng.random()
    if order is None:
        if roll < 0.5 and (one := _a_column(select, schema, rng)) is not None:
            select.order_by(one, copy=False)
            if rng.random() < 0.5:
                select.limit(1, copy=False)
    elif roll < 0.6:
        for item in order.expressions:
            item.set("desc", not item.args.get("desc"))
    elif roll < 0.8:
        order.parent.set("limit", None)
    else:
        order.pop()


def _aggregate(tree, schema, rng):
    found = list(tree.find_all(*_AGGREGATES))
    counts = list(tree.find_all(exp.Count))
    if found and (not counts or rng.random() < 0.5):
        one = rng.choice(found)
        kind = rng.choice([k for k in _AGGREGATES if not isinstance(one, k)])
        one.replace(kind(this=one.this.copy()))
    elif counts:
        one = rng.choice(counts)
        column = _a_column(_outer(tree), schema, rng)
        if column is not None:
            forms = [exp.Count(this=exp.Distinct(expressions=[column])), exp.Count(this=column), exp.Sum(this=column)]
            one.replace(rng.choice(forms))


def _counted(tree, schema, rng):
    """A list instead of its number, or the other way about."""
    select = _outer(tree)
    counts = [item for item in select.expressions if item.find(exp.Count)]
    if counts and select.args.get("group") is None:
        if (one := _a_column(select, schema, rng)) is not None:
            counts[0].replace(one)
    elif not counts and len(select.expressions) == 1 and select.args.get("group") is None:
        select.set("expressions", [exp.Count(this=exp.Star())])


def _group(tree, schema, rng):
    select = _outer(tree)
    group = select.args.get("group")
    if group is not None:
        other = _a_column(select, schema, rng)
        if rng.random() < 0.7 and other is not None:
            group.set("expressions", [other])
        else:
            group.pop()
    elif select.args.get("order") is None and isinstance(select.expressions[0], exp.Column):
        select.group_by(select.expressions[0].copy(), copy=False)


def _join(tree, schema, rng):
    """INNER becomes LEFT, or another column of the joined table is compared."""
    joins = list(tree.find_all(exp.Join))
    if not joins:
        return
    join = rng.choice(joins)
    if rng.random() < 0.4:
        join.set("side", "LEFT")
        join.set("kind", None)
        return
    on = join.args.get("on")
    if isinstance(join.this, exp.Table) and on is not None:
        tables = {t.name.lower(): t for t in schema.tables}
        table = tables.get(join.this.name.lower())
        alias = join.this.alias_or_name.lower()
        mine = [c for c in on.find_all(exp.Column) if c.table.lower() == alias]
        if table and mine:
            keys = [c.name for c in table.columns if c.name.lower().endswith("id") or c.primary_key]
            names = keys or [c.name for c in table.columns]
            mine[0].replace(exp.column(rng.choice(names), table=join.this.alias_or_name, quoted=True))


def _needless_join(tree, schema, rng):
    select = _outer(tree)
    sources = _sources(select, schema)
    if len(sources) != 1 or select.find(exp.Subquery):
        return
    alias, table = sources[0]
    links = [(k.ref_table, k.columns[0], k.ref_columns[0]) for k in schema.foreign_keys if k.table == table.name]
    links += [(k.table, k.ref_columns[0], k.columns[0]) for k in schema.foreign_keys if k.ref_table == table.name]
    links = [link for link in links if link[0] != table.name]
    if not links:
        return
    other, mine, theirs = rng.choice(links)
    for column in select.find_all(exp.Column):
        if not column.table and not isinstance(column.this, exp.Star):
            column.set("table", exp.to_identifier(alias))
    on = exp.EQ(this=exp.column(mine, table=alias, quoted=True), expression=exp.column(theirs, table="j9", quoted=True))
    select.join(exp.to_table(other).as_("j9"), on=on, copy=False)


def _fewer_tables(tree, schema, rng):
    """Another table instead of the only one that holds columns of the same names."""
    select = _outer(tree)
    sources = _sources(select, schema)
    names = {c.name.lower() for c in tree.find_all(exp.Column)} - {"*"}
    if len(sources) == 1:
        others = [t for t in schema.tables if t is not sources[0][1] and names <= {c.name.lower() for c in t.columns}]
        if others:
            table = next(select.find_all(exp.Table))
            table.set("this", exp.to_identifier(rng.choice(others).name, quoted=True))


def _distinct(tree, schema, rng):
    select = _outer(tree)
    select.set("distinct", None if select.args.get("distinct") is not None else exp.Distinct())


def _group_like_shown(tree, schema, rng):
    """Groups by the shown column rather than by a key, or by the primary key rather than by what is shown."""
    select = _outer(tree)
    group = select.args.get("group")
    shown = [item for item in select.expressions if isinstance(item, exp.Column)]
    if group is None or not shown:
        return
    if rng.random() < 0.6:
        group.set("expressions", [one.copy() for one in shown])
        return
    alias, table = rng.choice(_sources(select, schema) or [("", None)])
    if table is not None and table.primary_key:
        group.set("expressions", [exp.column(table.primary_key[0], table=alias, quoted=True)])


def _skipped_table(tree, schema, rng):
    """A table in the middle of a join goes; its neighbours are compared by columns that are no key of each other."""
    select = _outer(tree)
    joins = select.args.get("joins") or []
    if len(joins) < 2:
        return
    join = rng.choice(joins)
    alias = join.this.alias_or_name.lower() if isinstance(join.this, exp.Table) else ""
    columns = [c for other in joins if other is not join for c in (other.args.get("on") or other).find_all(exp.Column)]
    mine = [c for c in columns if c.table.lower() == alias]
    ends = [c for c in (join.args.get("on") or join).find_all(exp.Column) if c.table.lower() != alias]
    if alias and mine and ends:
        joins.remove(join)
        for column in mine:
            column.replace(ends[0].copy())


def _joined(tree, schema, rng):
    """`x IN (SELECT y FROM t)` as a join, which repeats rows."""
    select = _outer(tree)
    where = select.args.get("where")
    sources = _sources(select, schema)
    found = [n for n in (where.find_all(exp.In) if where is not None else ()) if n.args.get("query") is not None]
    if len(sources) != 1 or not found or isinstance(found[0].parent, exp.Not):
        return
    query = found[0].args["query"].unnest()
    tables = [t.this for t in [query.args.get("from_") or query.args.get("from")] if t is not None]
    if query.args.get("where") or query.args.get("joins") or query.args.get("group") or not tables:
        return
    item = query.expressions[0]
    if not isinstance(item, exp.Column) or not isinstance(found[0].this, exp.Column) or found[0].parent is not where:
        return
    for column in select.find_all(exp.Column):
        if not column.table and not isinstance(column.this, exp.Star) and column.find_ancestor(exp.Select) is select:
            column.set("table", exp.to_identifier(sources[0][0]))
    on = exp.EQ(this=found[0].this.copy(), expression=exp.column(item.name, table="j8", quoted=True))
    select.set("where", None)
    select.join(exp.to_table(tables[0].name).as_("j8"), on=on, copy=False)


def _extreme_of_other(tree, schema, rng):
    """Compares with the extreme of the wrong column."""
    found = [f for sub in tree.find_all(exp.Subquery) for f in sub.find_all(exp.Max, exp.Min, exp.Avg)]
    if found:
        one = rng.choice(found)
        select = one.find_ancestor(exp.Select)
        other = _a_column(select, schema, rng) if select is not None else None
        if other is not None:
            one.set("this", other)


_CHANGES: tuple[Callable[..., exp.Expression | None], ...] = (
    _more_columns, _more_columns, _fewer_columns, _swapped_columns, _other_column, _other_column, _other_column,
    _extreme, _extreme, _first_only, _first_only, _compound, _compound, _literal, _literal, _condition, _connector,
    _order, _aggregate, _counted, _group, _join, _join, _needless_join, _needless_join, _fewer_tables, _fewer_tables,
    _distinct, _distinct, _group_like_shown, _group_like_shown, _skipped_table, _joined, _joined, _extreme_of_other,
)  # fmt: skip
