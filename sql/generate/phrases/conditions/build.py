"""Small trees of SQL: columns under their table's real name, literals, comparisons."""

from __future__ import annotations

import re
from functools import reduce
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctxprune.errors import UsageError

from ...identifiers import make_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....schema.schema import ColumnRef

__all__ = [
    "all_of",
    "any_of",
    "as_number",
    "column",
    "compare",
    "contains_text",
    "is_null",
    "literal",
    "lower",
    "negate",
    "span",
]

_COMPARE = {"=": exp.EQ, "!=": exp.NEQ, "<": exp.LT, ">": exp.GT, "<=": exp.LTE, ">=": exp.GTE}


def column(ref: ColumnRef, dialect: str, table: str = "") -> exp.Column:
    """A column under its table's name, or under the alias `table`."""
    return exp.Column(this=make_identifier(ref.column, dialect), table=make_identifier(table or ref.table, dialect))


def literal(value: str | float | bool) -> Any:
    """A literal; negative numbers as a negation, as sqlglot parses them."""
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


def compare(op: str, left: Any, right: Any) -> Any:
    """`left op right`, for one of = != < > <= >=.

    Raises:
        UsageError: There is no such operator.
    """
    if op not in _COMPARE:
        raise UsageError(f"no comparison is written {op!r}", where="op", hint=f"known: {' '.join(_COMPARE)}")
    return _COMPARE[op](this=left, expression=right)


def is_null(tested: Any, *, negated: bool = False) -> Any:
    """`tested IS NULL`, or `NOT tested IS NULL`."""
    test = exp.Is(this=tested, expression=exp.Null())
    return exp.Not(this=test) if negated else test


def lower(text: Any) -> Any:
    """The text in lower case."""
    return exp.Lower(this=text)


def as_number(text: Any) -> Any:
    """A text as a number that can be compared by size."""
    return exp.Cast(this=text, to=exp.DataType.build("double"))


def contains_text(held: Any, text: str, *, before: str = "%", after: str = "%") -> Any:
    """A test, without regard to case, that a text holds another one; wildcards within it stand for themselves."""
    plain = re.sub(r"([\\%_])", r"\\\1", text.lower())
    test: Any = exp.Like(this=lower(held), expression=literal(f"{before}{plain}{after}"))
    return exp.Escape(this=test, expression=literal("\\")) if plain != text.lower() else test


def negate(test: Any) -> Any:
    """The opposite of a test; a comparison for equality is turned round instead."""
    if isinstance(test, exp.EQ):
        return exp.NEQ(this=test.this, expression=test.expression)
    if isinstance(test, exp.NEQ):
        return exp.EQ(this=test.this, expression=test.expression)
    if isinstance(test, exp.Not):
        return test.this
    plain = isinstance(test, (exp.In, exp.Like, exp.Is, exp.Between, exp.Exists))
    return exp.Not(this=test if plain else exp.Paren(this=test))


def all_of(tests: Sequence[Any]) -> Any:
    """All tests joined by AND; at least one is needed."""
    return reduce(lambda left, right: exp.And(this=left, expression=right), tests)


def any_of(tests: Sequence[Any]) -> Any:
    """The tests joined by OR within parentheses; one test alone stays bare."""
    if len(tests) == 1:
        return tests[0]
    # AND binds more closely than OR, so that its terms need no parentheses of their own.
    return exp.Paren(this=reduce(lambda left, right: exp.Or(this=left, expression=right), tests))


def span(tested: Any, low: Any | None, high: Any | None) -> Any:
    """`tested >= low AND tested < high`; a bound that is None is left out. One of both is needed."""
    tests = []
    if low is not None:
        tests.append(compare(">=", tested.copy(), low))
    if high is not None:
        tests.append(compare("<", tested.copy(), high))
    return all_of(tests)
