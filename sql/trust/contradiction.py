"""Queries whose conditions exclude each other: "between 2030 and 2020", "in Rome and not in Rome"."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sqlglot
from sqlglot import exp

__all__ = ["contradicts_itself"]

_LOWER, _UPPER = (exp.GT, exp.GTE), (exp.LT, exp.LTE)
_FLIPPED = {exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ, exp.NEQ: exp.NEQ}
_Number = float | str


def contradicts_itself(sql: str, dialect: str) -> bool:
    """Whether no row can satisfy the conditions that a WHERE or HAVING of the query joins by AND.

    Only comparisons of one column, or one expression, with literals are read; what cannot be parsed is False.
    """
    try:
        tree = sqlglot.parse_one(sql, read=dialect)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return False
    return any(_excludes(node.this) for node in tree.find_all(exp.Where, exp.Having))


def _excludes(condition: Any) -> bool:
    tests = list(condition.flatten()) if isinstance(condition, exp.And) else [condition]
    bounds: dict[str, list[tuple[type[Any], _Number]]] = defaultdict(list)
    for test in tests:
        for left, kind, value in _comparisons(test.unnest()):
            bounds[left].append((kind, value))
    return any(_is_empty(found) for found in bounds.values())


def _comparisons(test: Any) -> list[tuple[str, type[Any], _Number]]:
    negated = isinstance(test, exp.Not)
    if negated:
        test = test.this.unnest()
    if isinstance(test, exp.Between) and not negated:
        low, high = _value(test.args["low"]), _value(test.args["high"])
        left = test.this.sql()
        return [] if low is None or high is None else [(left, exp.GTE, low), (left, exp.LTE, high)]
    if type(test) not in _FLIPPED or (negated and not isinstance(test, exp.EQ)):
        return []
    left, kind, value = test.this, type(test), _value(test.expression)
    if value is None:
        left, kind, value = test.expression, _FLIPPED[kind], _value(test.this)
    if value is None or isinstance(left, exp.Literal):
        return []
    return [(left.sql(), exp.NEQ if negated else kind, value)]


def _value(node: Any) -> _Number | None:
    if isinstance(node, exp.Neg):
        inner = _value(node.this)
        return -inner if isinstance(inner, float) else None
    if not isinstance(node, exp.Literal):
        return None
    return str(node.this) if node.is_string else float(node.this)


def _is_empty(bounds: list[tuple[type[Any], _Number]]) -> bool:
    for kind in (str, float):
        mine = [(test, value) for test, value in bounds if isinstance(value, kind)]
        equal = {value for test, value in mine if test is exp.EQ}
        low: Any = max((value for test, value in mine if issubclass(test, (*_LOWER, exp.EQ))), default=None)
        high: Any = min((value for test, value in mine if issubclass(test, (*_UPPER, exp.EQ))), default=None)
        strict = any(value in (low, high) and test in (exp.GT, exp.LT) for test, value in mine)
        if len(equal) > 1 or equal & {value for test, value in mine if test is exp.NEQ}:
            return True
        if low is not None and high is not None and (low > high or (low == high and strict)):
            return True
    return False
