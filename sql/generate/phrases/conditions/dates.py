"""Conditions on days: which column a window of days is about, and its test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .build import all_of, any_of, compare, literal, negate
from .clauses import Clause, Option
from .windows import find_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .forms import DayColumn
    from .inputs import Inputs
    from .windows import Window

__all__ = ["read_dates", "score_column"]

_MOST_OPTIONS = 5
_LIKELY = 0.3
_NAMED = 0.4  # share of a table's name
_WORST = 0.4  # of the best option's score: less likely columns are left out
_USUAL = frozenset({"date", "time", "datetime", "timestamp", "at", "on", "ts", "day", "create", "year"})
_SECONDARY = frozenset(
    {"update", "modify", "end", "expire", "expiry", "delete", "last", "close", "due", "birth", "dob"}
)


def read_dates(inputs: Inputs) -> tuple[list[Clause], list[str]]:
    """The clauses that bound days, and why some cannot."""
    clauses, problems = [], []
    columns = inputs.days
    for window in find_windows(inputs.text, inputs.today):
        if window.problem:
            problems.append(window.problem)
            continue
        if not columns:
            continue
        options, notes = _options(inputs, window, columns)
        if options:
            clauses.append(Clause(window.start, window.end, tuple(options)))
        elif window.led:
            problems += notes[:1]
    return clauses, problems


def _options(inputs: Inputs, window: Window, columns: Sequence[DayColumn]) -> tuple[list[Option], list[str]]:
    scored = sorted(
        ((score_column(inputs, window, one), one) for one in columns), key=lambda pair: (-pair[0], pair[1].number)
    )
    options: list[Option] = []
    notes: list[str] = []
    for score, one in scored:
        if score <= 0 or (options and score < _WORST * options[0].score) or len(options) == _MOST_OPTIONS:
            break
        test, note = _test(window, one, inputs.dialect)
        if test is None:
            notes.append(note)
            continue
        options.append(Option(round(score, 4), test, (one.ref.table,), "date", note))
        if window.other:
            # "03/04/2022": the column's own way to write days does not say which way the question does.
            days = any_of([one.test(*pair, inputs.dialect)[0] for pair in window.other])
            options.append(Option(round(score * 0.7, 4), days, (one.ref.table,), "date", "day before month"))
    return sorted(options, key=lambda option: -option.score), notes


def _test(window: Window, one: DayColumn, dialect: str) -> tuple[Any, str]:
    if window.days:
        made = [one.test(low, high, dialect) for low, high in window.days]
        if any(test is None for test, _ in made):
            return None, next(note for test, note in made if test is None)
        test, note = any_of([test for test, _ in made]), made[0][1]
    else:
        test, note = _any_year(window, one, dialect)
    return (negate(test) if window.negated and test is not None else test), note


def _any_year(window: Window, one: DayColumn, dialect: str) -> tuple[Any, str]:
    """A month, quarter or day of any year."""
    month, day = one.part("month", dialect), one.part("day", dialect)
    if month is None or day is None:
        return None, f"{one.ref.table}.{one.ref.column} stores no dates whose month can be read"
    if window.quarter:
        first = 3 * window.quarter - 2
        test = exp.Between(this=month, low=literal(first), high=literal(first + 2))
        return test, "of any year"
    tests = [compare("=", month, literal(window.month))]
    if window.day:
        tests.append(compare("=", day, literal(window.day)))
    return all_of(tests), "of any year"


def score_column(inputs: Inputs, window: Window, one: DayColumn) -> float:
    """How likely a window is about a column, 0..1."""
    first, last = inputs.covered(window.start, window.end)
    near = inputs.near(one.number, first, last)
    likelihood = inputs.likelihood(one.ref, window.start, window.end)
    if not window.led and likelihood is None and near < 0.3:
        return 0.0  # a bare number that nothing makes a year
    score = 0.15 + 0.4 * near + 0.35 * inputs.spoken(inputs.facts(one.number).table, first)
    score += 0.05 if likelihood is None else 0.1 * likelihood
    score += 0.1 * _happens(inputs, inputs.facts(one.number).table)
    clear = window.led or (likelihood or 0.0) >= _LIKELY
    return max(
        0.0,
        min(
            1.0,
            (score + _usual(inputs, one, near)) * one.sure * (1.0 if clear else 0.7),
        ),
    )


def _happens(inputs: Inputs, table: int) -> bool:
    """Whether rows of a table that the question names belong to another one that it names: "sessions of each user".

    Days mostly say when something happened, not when the one that it happened to was stored.
    """
    named = {number for number, places in inputs.named_tables.items() if max(share for _, share in places) >= _NAMED}
    if table not in named:
        return False
    own = inputs.view.schema.table(inputs.view.table_name(table)).primary_key
    return any(
        inputs.view.table_index[edge.other] in named and edge.columns != own
        for edge in inputs.view.graph.neighbours(inputs.view.table_name(table))
    )


def _usual(inputs: Inputs, one: DayColumn, near: float) -> float:
    """What a name says where no word of the question does: "created_at" is more usual than "updated_at"."""
    facts = inputs.facts(one.number)
    stems = set(facts.name.stems)
    if near < 0.3 and (stems & _SECONDARY or any(stem.endswith("update") for stem in stems)):
        return -0.12
    # Of two columns of the same days the one that is declared as days is the one to read.
    # The day on which a row came to be usually stands first.
    declared = -0.004 * min(facts.position, 10)
    declared += 0.04 if one.kind in ("iso", "year") and facts.kind in ("date", "number") else 0.0
    own = set(inputs.view.tables[facts.table].stems)
    return declared + (0.05 if stems <= _USUAL | own else 0.0)
