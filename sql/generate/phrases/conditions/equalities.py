"""Numbers that a column equals: "with ID 1", "rating of 5", "semester 2", "two beds", "18 years old"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .build import column, compare, literal, negate
from .clauses import Option
from .events import dimension_words
from .numeric import best_options, counted_table, holds_numbers

if TYPE_CHECKING:
    from .inputs import Inputs
    from .stated import Stated

__all__ = ["equal_options"]

_ID_WORDS = frozenset({"id", "ids", "number", "no", "num", "code", "key", "#", "nr"})
_IS_WORDS = """
    is are was were of equals equal to = == a an the with at has have having being exactly named value in
    either or and
"""
_IS = frozenset(_IS_WORDS.split())
_EQUALS = frozenset({"is", "are", "=", "==", "equals", "equal", "to", "of", "either", "number"})


def equal_options(inputs: Inputs, stated: Stated) -> list[Option]:
    """What a bare number beside the name of a column may mean, the likeliest first; [] for nothing."""
    first, last = inputs.covered(stated.first.start, stated.numbers[-1].end)
    if measured := _measured(inputs, stated, last):
        return measured
    # The naming word stands right before the number, or right after "=" and the like.
    place = first - 1
    while place >= 0 and inputs.tokens[place].text in _IS and first - place <= 3:
        place -= 1
    if stated.first.spelt or place < 0:
        return _counted(inputs, stated, last)
    word = inputs.tokens[place]
    beside = all(inputs.tokens[k].text in _EQUALS for k in range(place + 1, first))
    options = []
    for number, facts in enumerate(inputs.view.columns):
        fit = inputs.fits(place, number)
        if 0 < fit < 1.0 and place:  # "sender type = 0"
            fit += inputs.fits(place - 1, number)
        # Without a word like "id" the number stands right beside the table's name: "customer 12".
        own = fit > 0 and bool(place) and inputs.fits(place - 1, number) > 0  # "zip code 94107"
        keyed = facts.key or facts.foreign or facts.kind == "id"
        if keyed and word.text not in _ID_WORDS and not beside:
            continue  # "assets that have 2 parts"
        if word.text in _ID_WORDS or (not fit and facts.key and place == first - 1):
            found = _identity(inputs, number, place, word.text)
            fit = max(fit if word.text not in _ID_WORDS or own else 0.0, found)
        if fit < 0.35 or not _takes_number(inputs, number):
            continue
        near = inputs.near(number, first, last)
        score = min(1.0, 0.25 + 0.35 * fit + 0.2 * near + 0.2 * inputs.spoken(facts.table, first))
        kind = "id" if keyed else "comparison"
        options.append(Option(round(score, 4), _equal(inputs, number, stated), (facts.ref.table,), kind))
    return best_options(options) if options else _counted(inputs, stated, last)


def _measured(inputs: Inputs, stated: Stated, last: int) -> list[Option]:
    """A number right before what it measures: "18 years old"."""
    after = [token.text for token in inputs.tokens[last : last + 2]]
    place = last + (after[:1] in (["years"], ["year"]))
    if place >= len(inputs.tokens) or not dimension_words(inputs.tokens[place].text):
        return []
    return _at(inputs, stated, place, 0.8)


def _counted(inputs: Inputs, stated: Stated, last: int) -> list[Option]:
    """A number right before the name of a column that counts: "two beds"."""
    if last >= len(inputs.tokens) or counted_table(inputs, stated.start, stated.end):
        return []
    return _at(inputs, stated, last, 0.5)


def _at(inputs: Inputs, stated: Stated, last: int, least: float) -> list[Option]:
    """The columns of numbers that the word at `last` names."""
    options: list[Option] = []
    if stated.first.spelt and stated.first.value == 1.0:
        return options  # "does one classroom have"
    for number, facts in enumerate(inputs.view.columns):
        fit = inputs.fits(last, number)
        if fit >= least and holds_numbers(inputs, number) and not (facts.key or facts.foreign):
            score = min(1.0, 0.2 + 0.35 * fit + 0.25 * inputs.spoken(facts.table, last))
            options.append(Option(round(score, 4), _equal(inputs, number, stated), (facts.ref.table,), "comparison"))
    return best_options(options) if options else []


def _identity(inputs: Inputs, number: int, place: int, word: str) -> float:
    """How well a key column is the one in "paper ID 2", "customer 12" or "with ID 1"."""
    facts = inputs.facts(number)
    if not (facts.key or facts.foreign or facts.kind == "id"):
        return 0.0
    owner = place - 1 if word in _ID_WORDS else place
    named = dict(inputs.named_tables.get(facts.table, ()))
    if facts.key and owner in named:
        return 0.6 + 0.4 * named[owner]
    if word not in _ID_WORDS:
        return 0.0
    if facts.foreign and owner >= 0 and inputs.fits(owner, number) >= 0.3:
        return 0.7
    return (0.25 + 0.6 * inputs.spoken(facts.table, place)) if facts.key else 0.0


def _takes_number(inputs: Inputs, number: int) -> bool:
    facts, stored = inputs.facts(number), inputs.stored(number)
    return (
        facts.kind in ("number", "id")
        or holds_numbers(inputs, number) > 0
        or any(
            isinstance(value, (int, float)) or (isinstance(value, str) and value.strip().isdigit()) for value in stored
        )
    )


def _equal(inputs: Inputs, number: int, stated: Stated) -> Any:
    stored = inputs.stored(number)
    held = column(inputs.facts(number).ref, inputs.dialect)
    values: list[Any] = [literal(one.value) for one in stated.numbers]
    if stored and all(isinstance(one, str) for one in stored) and all(one.value.is_integer() for one in stated.numbers):
        # As written, since "007" and "7" are two texts.
        values = [literal(inputs.question[one.start : one.end].strip()) for one in stated.numbers]
    test = compare("=", held, values[0]) if len(values) == 1 else exp.In(this=held, expressions=values)
    return negate(test) if stated.negated else test
