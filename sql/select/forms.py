"""What a SELECT statement looks like, apart from the names in it: counts, clauses, aggregates, nesting."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from .scopes import read_quotes_as_texts, read_scopes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlglot import exp

    from .scopes import SelectScope

__all__ = ["HEADS", "Form", "read_form"]

#: Every fact of a form and how many values it takes: 0 up to one below the number.
HEADS: Mapping[str, int] = {
    "items": 5,  # of the outermost SELECT: 1, 2, 3, 4 or more; a star
    "plain": 4,  # of them without an aggregate
    "rows_counted": 2,  # COUNT(*)
    "column_counted": 2,
    "distinct_counted": 2,
    "sum": 2,
    "avg": 2,
    "min": 2,
    "max": 2,
    "distinct": 2,
    "conditions": 4,  # comparisons in WHERE, everywhere
    "group": 2,
    "having": 2,
    "order": 3,  # none, ascending, descending
    "limit": 3,  # none, 1, more
    "compound": 4,  # none, INTERSECT, UNION, EXCEPT
    "nested": 3,  # SELECTs below the outermost, those of a compound apart
    "extreme": 2,  # a comparison with SELECT MIN or MAX
    "not_in": 2,  # NOT IN, NOT EXISTS
    "tables": 4,
    "outer": 2,  # LEFT, RIGHT and FULL joins
    "like": 2,
    "or": 2,
    "between": 2,
    "unequal": 2,
    "compared": 3,  # none, larger, smaller
    "strict": 2,  # > or < rather than >= or <=
    "null": 2,
    "arithmetic": 2,
    "case": 2,
    "functions": 2,  # others than aggregates
}


@dataclass(frozen=True)
class Form:
    """A parsed statement.

    Attributes:
        facts: A value of every name in `HEADS`.
        skeleton: The statement with its names and literals left out; equal skeletons mean the same way of asking.
        tables: Names of the stored tables, in lower case.
        columns: Names of all columns, in lower case.
        shown: Names of the columns in the outermost SELECT, in lower case.
        texts: String literals, as they are.
        numbers: Number literals, as they are.
        length: Characters, white space folded.
        scopes: Its SELECTs, outermost first.
    """

    facts: Mapping[str, int]
    skeleton: str
    tables: frozenset[str]
    columns: frozenset[str]
    shown: tuple[str, ...]
    texts: tuple[str, ...]
    numbers: tuple[str, ...]
    length: int
    scopes: tuple[SelectScope, ...]


@lru_cache(maxsize=8192)
def read_form(sql: str, dialect: str = "sqlite") -> Form | None:
    """The form of one SELECT statement; None for a text that is not one, or that cannot be parsed."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(sql.strip().rstrip(";"), read=dialect)
    except (SqlglotError, RecursionError):
        return None
    if not isinstance(tree, exp.Query):
        return None
    read_quotes_as_texts(tree)
    first: exp.Expr = tree
    # The items of a set operation are those of its first SELECT.
    while isinstance(first, exp.SetOperation):
        first = first.this.unnest() if isinstance(first.this, exp.Subquery) else first.this
    if not isinstance(first, exp.Select):
        return None
    # CTEs are named in FROM like tables, but no column is stored in them.
    named = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    tables = frozenset(table.name.lower() for table in tree.find_all(exp.Table)) - named
    literals = list(tree.find_all(exp.Literal))
    return Form(
        facts=_selected(first) | _clauses(tree) | _conditions(tree, len(tables)),
        skeleton=_skeleton(tree),
        tables=tables,
        columns=frozenset(column.name.lower() for column in tree.find_all(exp.Column)),
        shown=tuple(c.name.lower() for item in first.expressions for c in item.find_all(exp.Column)),
        texts=tuple(literal.this for literal in literals if literal.is_string),
        numbers=tuple(literal.this for literal in literals if not literal.is_string),
        length=len(" ".join(sql.split())),
        scopes=read_scopes(tree),
    )


def _selected(select: exp.Select) -> dict[str, int]:
    from sqlglot import exp

    items = [item.unalias() for item in select.expressions]
    star = any(isinstance(item, exp.Star) or (isinstance(item, exp.Column) and item.is_star) for item in items)
    plain = [item for item in items if not item.find(exp.AggFunc)]
    counts = [count for item in items for count in item.find_all(exp.Count)]
    unique = [count for count in counts if isinstance(count.this, exp.Distinct)]
    rows = [count for count in counts if isinstance(count.this, exp.Star)]
    return {
        "items": 4 if star else min(len(items), 4) - 1,
        "plain": min(len(plain), 3),
        "rows_counted": int(bool(rows)),
        "column_counted": int(len(counts) > len(unique) + len(rows)),
        "distinct_counted": int(bool(unique)),
        "sum": int(any(item.find(exp.Sum) for item in items)),
        "avg": int(any(item.find(exp.Avg) for item in items)),
        "min": int(any(item.find(exp.Min) for item in items)),
        "max": int(any(item.find(exp.Max) for item in items)),
        "distinct": int(select.args.get("distinct") is not None),
    }


def _clauses(tree: exp.Query) -> dict[str, int]:
    from sqlglot import exp

    order, limit = tree.args.get("order"), tree.args.get("limit")
    falls = order is not None and any(item.args.get("desc") for item in order.expressions)
    compounds = [kind for kind, name in enumerate((exp.Intersect, exp.Union, exp.Except), 1) if tree.find(name)]
    selects = len(list(tree.find_all(exp.Select))) - 1 - len(list(tree.find_all(exp.SetOperation)))
    one = limit is not None and limit.expression is not None and limit.expression.sql() == "1"
    return {
        "group": int(tree.find(exp.Group) is not None),
        "having": int(tree.find(exp.Having) is not None),
        "order": 0 if order is None else 2 if falls else 1,
        "limit": 0 if limit is None else 1 if one else 2,
        "compound": compounds[0] if compounds else 0,
        "nested": min(max(selects, 0), 2),
    }


def _conditions(tree: exp.Query, tables: int) -> dict[str, int]:
    from sqlglot import exp

    leaves = [leaf for where in tree.find_all(exp.Where) for leaf in where.find_all(exp.Predicate, exp.In, exp.Between)]
    larger, smaller = tree.find(exp.GT, exp.GTE), tree.find(exp.LT, exp.LTE)
    negated = [node.this for node in tree.find_all(exp.Not)]
    return {
        "conditions": min(len(leaves), 3),
        "extreme": int(any(_extreme(node) for node in tree.find_all(exp.Subquery))),
        "not_in": int(any(isinstance(node, (exp.In, exp.Exists)) for node in negated)),
        "tables": min(max(tables, 1), 4) - 1,
        "outer": int(any(join.side for join in tree.find_all(exp.Join))),
        "like": int(tree.find(exp.Like) is not None),
        "or": int(tree.find(exp.Or) is not None),
        "between": int(tree.find(exp.Between) is not None),
        "unequal": int(tree.find(exp.NEQ) is not None),
        "compared": 1 if larger else 2 if smaller else 0,
        "strict": int(tree.find(exp.GT, exp.LT) is not None),
        "null": int(tree.find(exp.Is) is not None),
        "arithmetic": int(tree.find(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Cast) is not None),
        "case": int(tree.find(exp.Case, exp.If) is not None),
        "functions": int(any(_plain_function(node) for node in tree.find_all(exp.Func))),
    }


def _extreme(node: exp.Expr) -> bool:
    from sqlglot import exp

    select = node.this
    return isinstance(select, exp.Select) and any(item.find(exp.Min, exp.Max) for item in select.expressions)


def _plain_function(node: exp.Expr) -> bool:
    from sqlglot import exp

    return not isinstance(node, (exp.AggFunc, exp.Cast, exp.Case, exp.If, exp.Connector, exp.Exists))


def _skeleton(tree: exp.Query) -> str:
    from sqlglot import exp

    def bare(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Literal):
            return exp.var("v")
        if isinstance(node, exp.Column):
            return exp.column("c")
        if isinstance(node, exp.Table):
            return exp.to_table("t")
        return node.unalias() if isinstance(node, exp.Alias) else node

    return re.sub(r"\s+", " ", tree.transform(bare).sql()).lower()
