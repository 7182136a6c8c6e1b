"""Queries that give nothing but what they say: the column that their own equality fixes, or a count of one key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from .nodes import literal_text

if TYPE_CHECKING:
    from ..schema.schema import Schema

__all__ = ["is_hollow"]


def is_hollow(tree: exp.Expr, schema: Schema) -> bool:
    """Whether every item of the outermost SELECT is known before the query runs."""
    where = tree.args.get("where")
    if not isinstance(tree, exp.Select) or where is None or tree.args.get("group") is not None:
        return False
    conditions = [where.this, *(join.args["on"] for join in tree.args.get("joins") or [] if join.args.get("on"))]
    fixed = _spread({_name(column) for column in _fixed_columns(where.this)}, conditions)
    items = [item.unalias() for item in tree.expressions]
    if not fixed or not items:
        return False
    if all(isinstance(item, exp.Column) for item in items):
        return all(_name(item) in fixed for item in items)
    return all(isinstance(item, exp.Count) for item in items) and _fixes_key(tree, fixed, schema)


def _fixed_columns(condition: exp.Expr) -> list[exp.Column]:
    """Columns that one of the conditions joined by AND compares with a literal."""
    found = []
    parts = [condition]
    while parts:
        one = parts.pop().unnest()
        if isinstance(one, exp.And):
            parts += [one.this, one.expression]
        elif isinstance(one, exp.EQ):
            column = one.this
            while isinstance(column, (exp.Lower, exp.Upper, exp.Trim)):
                column = column.this
            if isinstance(column, exp.Column) and literal_text(one.expression) is not None:
                found.append(column)
    return found


def _spread(fixed: set[tuple[str, str]], conditions: list[exp.Expr]) -> set[tuple[str, str]]:
    """With the columns that a join makes equal to a fixed one."""
    pairs = [
        {_name(one.this), _name(one.expression)}
        for condition in conditions
        for one in condition.find_all(exp.EQ)
        if isinstance(one.this, exp.Column) and isinstance(one.expression, exp.Column)
    ]
    return fixed.union(*(pair for pair in pairs if not pair.isdisjoint(fixed)))


def _name(column: exp.Expr) -> tuple[str, str]:
    """The alias and the name; queries of one table need no alias."""
    return (column.table.casefold(), column.name.casefold()) if isinstance(column, exp.Column) else ("", "")


def _fixes_key(tree: exp.Select, fixed: set[tuple[str, str]], schema: Schema) -> bool:
    """Whether the only table of a query has a key of one column, which is fixed."""
    source = tree.args.get("from_") or tree.args.get("from")
    if source is None or tree.args.get("joins") or not isinstance(source.this, exp.Table):
        return False
    name = source.this.name
    key = schema.table(name).primary_key if name in schema else ()
    return len(key) == 1 and any(column == key[0].casefold() for _, column in fixed)
