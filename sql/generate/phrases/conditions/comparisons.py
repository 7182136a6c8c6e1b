"""Conditions on numbers: "more than 5 years of experience", "priced between 5 and 10", "older than 30"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctxprune.text.words import stem

from ....schema.schema import ColumnRef
from .ages import age_options
from .build import all_of, as_number, column, compare, literal, negate
from .clauses import Clause, Option
from .equalities import equal_options
from .numeric import best_options, counted_table, holds_numbers, numbers_as_text
from .stated import find_comparisons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .inputs import Inputs
    from .magnitudes import Number
    from .stated import Stated

__all__ = ["is_count_of", "read_comparisons"]

_LEAST = 0.3
_GOES_ON = re.compile(r"\s*,?\s*(?:and|or|but)\s+(?:(?:is|are|was|were|be|also)\s+)*")
_AVERAGES = frozenset({"average", "averag", "mean", "avg"})
_MONEY = frozenset(
    map(
        stem,
        [
            "price",
            "cost",
            "amount",
            "total",
            "revenue",
            "fee",
            "salary",
            "budget",
            "value",
            "payment",
            "charge",
            "balance",
        ],
    )
)


def read_comparisons(inputs: Inputs, taken: tuple[tuple[int, int], ...]) -> list[Clause]:
    """The clauses that compare a number, outside of the spans in `taken`, which days have."""
    clauses: list[Clause] = []
    before: list[int] = []
    for stated in find_comparisons(inputs, taken):
        # "greater than 300 or less than 100" goes on with the same column.
        goes_on = bool(clauses) and _GOES_ON.fullmatch(inputs.text[clauses[-1].end : stated.start]) is not None
        options = _options(inputs, stated)
        if goes_on and before and stated.op not in ("", "="):
            scores = [option.score for option in clauses[-1].options]
            options = [_option(inputs, number, stated, score) for number, score in zip(before, scores, strict=False)]
        before = [] if any(option.kind != "comparison" for option in options) else _columns(inputs, options)
        if options:
            clauses.append(Clause(stated.start, stated.end, tuple(options)))
    return clauses


def _columns(inputs: Inputs, options: Sequence[Option]) -> list[int]:
    found = [option.test.find(exp.Column) for option in options]
    return [inputs.view.index[ColumnRef(one.table, one.name)] for one in found if one is not None]


def _option(inputs: Inputs, number: int, stated: Stated, score: float) -> Option:
    return Option(round(score, 4), _test(inputs, number, stated), (inputs.facts(number).ref.table,), "comparison")


def is_count_of(inputs: Inputs, start: int, end: int) -> str:
    """The table that a number at characters [start, end) counts rows of ("more than 3 orders"), "" for none.

    Such a comparison belongs into HAVING. A word that also names a column of numbers ("more than 100 seats") counts
    only where it names a table as well.
    """
    return counted_table(inputs, start, end)


def _options(inputs: Inputs, stated: Stated) -> list[Option]:
    # The words of a comparison may name the column too: "heavier than 5", "5 stars or more".
    first, last = inputs.covered(stated.first.start, stated.numbers[-1].end)
    if first == last:
        return []
    if stated.op in ("", "=") and (equal := equal_options(inputs, stated)):
        return equal
    if not stated.op:
        return []
    if counted_table(inputs, stated.first.start, max(stated.end, stated.numbers[-1].end)) and not stated.first.money:
        return []
    scored = []
    for number, facts in enumerate(inputs.view.columns):
        fit = holds_numbers(inputs, number)
        if not fit or facts.key or facts.foreign or facts.kind == "id":
            continue
        near = inputs.near(number, first, last)
        if near and _is_aggregated(inputs, stated, number):
            continue  # "an average price over 5" compares groups of rows
        score = _score(inputs, number, near, stated, first) * fit * _is_plausible(inputs, number, stated)
        money = stated.first.money and not _MONEY.isdisjoint(facts.name.stems)
        if score >= _LEAST and money + near + (inputs.likelihood(facts.ref, stated.start, stated.end) or 0.0) > 0.2:
            scored.append((score, number))
    options = [
        _option(inputs, number, stated, score) for score, number in sorted(scored, key=lambda pair: (-pair[0], pair[1]))
    ]
    return best_options([*options, *age_options(inputs, stated, alone=not options)])


def _is_plausible(inputs: Inputs, number: int, stated: Stated) -> float:
    """Below 1 for a column of years and a number that is none."""
    if number not in {one.number for one in inputs.days if one.kind == "year"}:
        return 1.0
    years = [float(value) for value in inputs.stored(number) if isinstance(value, (int, float))]
    low, high = min(years, default=1000.0), max(years, default=2999.0)
    return 1.0 if all(low - 100 <= one.value <= high + 100 for one in stated.numbers) else 0.4


def _is_aggregated(inputs: Inputs, stated: Stated, number: int) -> bool:
    first, _ = inputs.covered(stated.start, stated.end)
    # A column of averages is named so itself.
    own = set(inputs.parts[number])
    near = inputs.tokens[max(0, first - 5) : first]
    if re.search(r"\bon average\b", inputs.text[stated.end : stated.end + 40]):
        return True
    return any(token.text in _AVERAGES and token.text not in own and token.stem not in own for token in near)


def _score(inputs: Inputs, number: int, near: float, stated: Stated, first: int) -> float:
    facts = inputs.facts(number)
    likelihood = inputs.likelihood(facts.ref, stated.start, stated.end)
    if stated.first.money and not _MONEY.isdisjoint(facts.name.stems):
        near = min(1.0, near + 0.4)
    score = 0.15 + 0.5 * near + 0.2 * inputs.spoken(facts.table, first)
    score += 0.15 * (0.3 if likelihood is None else likelihood)
    return min(1.0, score)


def _test(inputs: Inputs, number: int, stated: Stated) -> Any:
    facts = inputs.facts(number)
    held: Any = column(facts.ref, inputs.dialect)
    stored = inputs.stored(number)
    if stored and numbers_as_text(stored):
        held = as_number(held)
    values = [_value(one, stored) for one in stated.numbers]
    if stated.op == "between":
        low, high = sorted(values)
        test = all_of([compare(">=", held, literal(low)), compare("<=", held.copy(), literal(high))])
        return negate(test) if stated.negated else test
    return compare(stated.op, held, literal(values[0]))


def _value(one: Number, stored: tuple[object, ...]) -> float:
    """A percentage as the column holds it: 20 % is 0.2 where all stored values lie within 0 and 1."""
    numbers = [float(value) for value in stored if isinstance(value, (int, float))]
    if one.percent and numbers and all(-1.0 <= value <= 1.0 for value in numbers):
        return one.value / 100.0
    return one.value
