"""Ages by the birth date, where one is stored: "older than 30", "aged 30 to 40", "patients over 65"."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

from .build import column, compare, literal
from .clauses import Option
from .numeric import holds_numbers
from .periods import add_months

if TYPE_CHECKING:
    from .forms import DayColumn
    from .inputs import Inputs
    from .stated import Stated

__all__ = ["age_options"]

_WORDS = re.compile(r"\b(?:old|older|young|younger|aged?)\b")
_BIRTH = frozenset({"birth", "birthday", "birthdate", "dob", "born"})
_OLDEST = 130


def age_options(inputs: Inputs, stated: Stated, *, alone: bool) -> list[Option]:
    """What a comparison may say about ages; `alone` where its number fits nothing else."""
    if not all(one.value.is_integer() and 0 <= one.value <= _OLDEST for one in stated.numbers):
        return []
    around = inputs.text[max(0, stated.start - 25) : min(len(inputs.text), stated.end + 20)]
    first, _ = inputs.covered(stated.start, stated.end)
    said = _WORDS.search(around) is not None
    options = []
    for one in inputs.days if said or alone else ():
        table = inputs.facts(one.number).table
        # "patients over 65": the number stands right beside those who have an age.
        beside = any(place == first - 1 for place, _ in inputs.named_tables.get(table, ()))
        if _BIRTH.isdisjoint(inputs.facts(one.number).name.stems) or not (said or beside):
            continue
        test, note = _born(one, stated, inputs)
        if test is not None:
            score = (0.5 if said else 0.3) + 0.3 * inputs.spoken(table, first)
            options.append(Option(round(score, 4), test, (one.ref.table,), "date", note))
    if alone and not said:
        options += _stored_ages(inputs, stated, first)
    return options


def _stored_ages(inputs: Inputs, stated: Stated, first: int) -> list[Option]:
    """By a column of ages, of those that stand right before the comparison."""
    options = []
    for number, facts in enumerate(inputs.view.columns):
        beside = any(place == first - 1 for place, _ in inputs.named_tables.get(facts.table, ()))
        if (
            "age" in inputs.parts[number]
            and beside
            and holds_numbers(inputs, number)
            and stated.op in (">", "<", ">=", "<=")
        ):
            test = compare(stated.op, column(facts.ref, inputs.dialect), literal(stated.first.value))
            options.append(Option(0.6, test, (facts.ref.table,), "comparison"))
    return options


def _born(one: DayColumn, stated: Stated, inputs: Inputs) -> tuple[Any, str]:
    # Who has the age of 31 or more is older than 30: born on or before the day 31 years ago.
    years = [int(number.value) for number in stated.numbers]
    if stated.op in (">", ">="):
        low, high = None, _turned(inputs, years[0] + (stated.op == ">"))
    elif stated.op in ("<", "<="):
        low, high = _turned(inputs, years[0] + (stated.op == "<=")), None
    elif stated.op == "between" and not stated.negated:
        low, high = _turned(inputs, max(years) + 1), _turned(inputs, min(years))
    else:
        return None, ""
    test, reason = one.test(low, high, inputs.dialect)
    return (None, reason) if test is None else (test, f"age counted on {inputs.today.isoformat()}")


def _turned(inputs: Inputs, years: int) -> date:
    """The first day of birth of those who are younger than that."""
    return date.fromordinal(add_months(inputs.today, -12 * years).toordinal() + 1)
