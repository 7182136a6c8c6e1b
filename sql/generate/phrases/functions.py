"""Functions of dates and numbers that every dialect writes in its own way."""

from __future__ import annotations

from typing import Any

from sqlglot import exp

__all__ = ["PERIODS", "difference", "length", "period", "quotient"]

# Formats are what the texts of a period look like; quarters and weeks have none that every dialect knows.
PERIODS = {"year": "%Y", "month": "%Y-%m", "day": "%Y-%m-%d", "date": "%Y-%m-%d", "hour": "%H"}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


def period(moment: exp.Expression, unit: str) -> exp.Expression:
    """The year, month ("2023-04"), day or hour of a date or time, as a text that sorts."""
    return exp.TimeToStr(this=moment.copy(), format=exp.Literal.string(PERIODS[unit]))


def difference(later: exp.Expression, earlier: exp.Expression, unit: str, dialect: str) -> exp.Expression:
    """The time between two moments in days (with a fraction where the dialect keeps one) or in shorter units.

    Args:
        later, earlier: Dates or times.
        unit: "day", "hour", "minute" or "second".
        dialect: sqlglot's name of the dialect.
    """
    later, earlier = later.copy(), earlier.copy()
    if dialect == "sqlite":
        if unit == "day":
            return exp.Sub(
                this=exp.Anonymous(this="JULIANDAY", expressions=[later]),
                expression=exp.Anonymous(this="JULIANDAY", expressions=[earlier]),
            )
        seconds: exp.Expression = exp.Sub(this=_epoch(later), expression=_epoch(earlier))
        return (
            seconds
            if unit == "second"
            else exp.Div(this=exp.Paren(this=seconds), expression=exp.Literal.number(f"{_SECONDS[unit]}.0"))
        )
    if dialect == "postgres" and unit != "day":
        span = exp.Extract(this=exp.Var(this="EPOCH"), expression=exp.Sub(this=later, expression=earlier))
        return span if unit == "second" else exp.Div(this=span, expression=exp.Literal.number(_SECONDS[unit]))
    return exp.DateDiff(this=later, expression=earlier, unit=exp.Var(this=unit.upper()))


def _epoch(moment: exp.Expression) -> exp.Expression:
    return exp.Cast(
        this=exp.Anonymous(this="STRFTIME", expressions=[exp.Literal.string("%s"), moment]),
        to=exp.DataType.build("int"),
    )


def quotient(top: exp.Expression, bottom: exp.Expression, *, percent: bool = False) -> exp.Expression:
    """`top` by `bottom` with a fraction; NULL where `bottom` is 0."""
    real: Any = exp.Cast(this=top.copy(), to=exp.DataType.build("double"))
    safe = exp.Nullif(this=bottom.copy(), expression=exp.Literal.number(0))
    if percent:
        real = exp.Mul(this=exp.Literal.number("100.0"), expression=real)
    return exp.Div(this=real, expression=safe)


def length(text: exp.Expression) -> exp.Expression:
    """The number of characters of a text."""
    return exp.Length(this=text.copy())
