"""Functions and syntax of other dialects, translated to the database's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from .base import Repairer
from .tree import parse, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .base import Failure

__all__ = ["TranslateFunctions"]

_FOREIGN = {"sqlite": ("mysql", "postgres"), "postgres": ("mysql", "sqlite"), "mysql": ("postgres", "sqlite")}
_PARTS = {"YEAR": "%Y", "MONTH": "%m", "DAY": "%d", "HOUR": "%H", "MINUTE": "%M", "SECOND": "%S", "DOW": "%w"}
_KINDS = {exp.Year: "YEAR", exp.Month: "MONTH", exp.Day: "DAY"}
# What databases call such failures: unknown functions, and syntax that is another dialect's.
_SIGNS = ("function", "syntax", "parse", "near", "cannot be read", "cannot be written")


@dataclass(frozen=True)
class TranslateFunctions(Repairer):
    """Writes parts of dates and concatenations as the database does (SQLite's STRFTIME for YEAR(d), and the other way
    round), and reads a statement that does not parse as another dialect's."""

    def repair(self, failure: Failure) -> str:
        """The translated statement; "" where the message speaks of something else or nothing changes."""
        error = failure.error.lower()
        if not any(sign in error for sign in _SIGNS):
            return ""
        dialect = failure.schema.dialect
        tree = parse(failure.sql, dialect)
        if tree is None:
            return _reread(failure.sql, dialect, _FOREIGN.get(dialect, ()))
        if dialect != "sqlite":  # models write SQLite's functions most of all
            return _reread(failure.sql, dialect, ("sqlite",))
        before = write(tree, dialect)
        after = write(tree.transform(_in_sqlite), dialect)
        return after if after != before else ""


def _reread(sql: str, dialect: str, others: Sequence[str]) -> str:
    for other in others:
        try:
            text = sqlglot.transpile(sql, read=other, write=dialect)[0]
        except (SqlglotError, RecursionError, IndexError):
            continue
        if text and text != sql:
            return text
    return ""


def _in_sqlite(node: exp.Expression) -> exp.Expression:
    part, value = _date_part(node)
    if part in _PARTS and value is not None:
        # As a number, since STRFTIME gives text and 2020 = '2020' is false in SQLite.
        text = exp.Anonymous(this="STRFTIME", expressions=[exp.Literal.string(_PARTS[part]), value])
        return exp.Cast(this=text, to=exp.DataType.build("INTEGER"))
    if isinstance(node, exp.Concat) and node.expressions:
        parts = list(node.expressions)
        joined: exp.Expression = parts[0]
        for item in parts[1:]:
            joined = exp.DPipe(this=joined, expression=item)
        return joined
    return node


def _date_part(node: exp.Expression) -> tuple[str, exp.Expression | None]:
    if isinstance(node, exp.Extract):
        return str(node.name).upper(), node.expression
    kind = next((name for kind, name in _KINDS.items() if isinstance(node, kind)), "")
    value = node.this if kind else None
    while isinstance(value, (exp.TsOrDsToDate, exp.Date, exp.Cast)):
        value = value.this
    return kind, value
