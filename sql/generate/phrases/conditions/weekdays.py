"""Conditions on days of the week: "on Mondays", "at weekends"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .build import column, compare, literal, negate
from .clauses import Clause, Option
from .dates import score_column
from .windows import Window

if TYPE_CHECKING:
    from .inputs import Inputs

__all__ = ["read_weekdays"]

# Sunday is 0, as STRFTIME and EXTRACT(DOW ...) count.
_DAYS = {
    name: k for k, name in enumerate(["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"])
}
_NAMED = re.compile(
    rf"(?P<no>\b(?:not|except)\s+)?\b(?:on|at|during|over)\s+(?:an?\s+|the\s+)?"
    rf"(?P<day>{'|'.join(_DAYS)}|weekend|weekday|working day)s?\b"
)
_MOST_OPTIONS = 3


def read_weekdays(inputs: Inputs) -> list[Clause]:
    """The clauses that ask for days of the week, on columns that store dates."""
    columns = [one for one in inputs.days if one.kind == "iso"]
    clauses = []
    for match in _NAMED.finditer(inputs.text) if columns else ():
        window = Window(*match.span())
        days = {"weekend": (0, 6), "weekday": (1, 2, 3, 4, 5), "working day": (1, 2, 3, 4, 5)}.get(match["day"])
        days = days or (_DAYS[match["day"]],)
        options = []
        for one in columns:
            test = _is_day(column(one.ref, inputs.dialect), days, inputs.dialect)
            score = round(score_column(inputs, window, one), 4)
            options.append(Option(score, negate(test) if match["no"] else test, (one.ref.table,), "date"))
        options.sort(key=lambda option: -option.score)
        clauses.append(Clause(*match.span(), tuple(options[:_MOST_OPTIONS])))
    return clauses


def _is_day(held: Any, days: tuple[int, ...], dialect: str) -> Any:
    if dialect == "sqlite":
        number: Any = exp.Cast(
            this=exp.Anonymous(this="STRFTIME", expressions=[literal("%w"), held]), to=exp.DataType.build("int")
        )
    elif dialect == "mysql":
        # DAYOFWEEK counts from 1.
        number = exp.Sub(this=exp.Anonymous(this="DAYOFWEEK", expressions=[held]), expression=literal(1))
    else:
        number = exp.Extract(this=exp.Var(this="DOW"), expression=held)
    if len(days) == 1:
        return compare("=", number, literal(days[0]))
    return exp.In(this=number, expressions=[literal(day) for day in days])
