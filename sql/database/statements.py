"""What a statement says without being run: its tree, and whether it should return rows."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

__all__ = ["expects_rows", "parse"]


def parse(sql: str, dialect: str) -> exp.Expression | None:
    """The tree of one statement; None where it cannot be read."""
    try:
        # Several statements are no statement: the guard would refuse them anyway.
        trees = [tree for tree in sqlglot.parse(sql, read=dialect) if tree is not None]
    except (SqlglotError, RecursionError):
        return None
    return trees[0] if len(trees) == 1 and isinstance(trees[0], exp.Expression) else None


def expects_rows(sql: str, dialect: str) -> bool:
    """Whether an empty result speaks against a statement.

    It does where there are conditions, and none of them asks for what is missing (EXCEPT, NOT IN, NOT EXISTS, IS NULL).
    """
    tree = parse(sql, dialect)
    if tree is None or tree.find(exp.Except) is not None:
        return False
    # Who asks for what is missing may well get nothing.
    if any(isinstance(item.this, (exp.In, exp.Exists)) for item in tree.find_all(exp.Not)):
        return False
    nulls = (item for item in tree.find_all(exp.Is) if isinstance(item.expression, exp.Null))
    if any(not isinstance(item.parent, exp.Not) for item in nulls):
        return False
    return tree.find(exp.Where, exp.Having, exp.Join, exp.Intersect) is not None
