"""Conditions on numbers: "more than 5 years of experience", "priced between 5 and 10", "with ID 1"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from .build import all_of, as_number, column, compare, literal, negate
from .clauses import Clause, Option
from .forms import day_columns
from .magnitudes import find_numbers
from .periods import add_months

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .inputs import Inputs
    from .magnitudes import Number

__all__ = ["is_count_of", "read_comparisons"]

_MOST_OPTIONS = 5
_WORST = 0.45
_LEAST = 0.3
_OPEN = r"(?:\s+(?:a|an|the|only|just|about|around|approximately|total|of|to|is|are|was|were|than|value|score))*\s*$"
_MORE = (
    "more|greater|higher|larger|bigger|older|longer|taller|heavier|faster|hotter|warmer|deeper|wider|farther|further|"
    "richer|better|pricier|costlier|stronger|later|steeper|brighter|busier|(?:more \\w+)"
)
_LESS = (
    "less|fewer|lower|smaller|younger|shorter|lighter|slower|cheaper|colder|cooler|shallower|narrower|closer|nearer|"
    "poorer|worse|weaker|earlier|(?:less \\w+)"
)
_NOT = r"(?:not|no|n't|never)"
_BEFORE = tuple(
    (re.compile(rf"(?:\b(?:{words})|{symbols}){_OPEN}" if symbols else rf"\b(?:{words}){_OPEN}"), op)
    for words, symbols, op in (
        (rf"{_NOT}\s+(?:exactly\s+)?(?:equal to|equals?)|other than|different from|except", "!=|<>|≠", "!="),
        (rf"{_NOT}\s+(?:(?:{_MORE})\s+than|above|over|exceed(?:ing)?)|at most|up to|maximum of|max(?:imum)? of|"
         rf"(?:{_LESS})\s+than or equal(?:s| to)?|under or equal to|below or equal to|within", "<=|≤", "<="),
        (rf"{_NOT}\s+(?:(?:{_LESS})\s+than|below|under)|at least|minimum of|min(?:imum)? of|no fewer than|"
         rf"(?:{_MORE})\s+than or equal(?:s| to)?|above or equal to|starting (?:at|from)", ">=|≥", ">="),
        (rf"(?:{_MORE})\s+than|over|above|exceed(?:s|ing|ed)?|beyond|upwards? of|surpass(?:es|ing|ed)?|in excess of|"
         "superior to", ">", ">"),
        (rf"(?:{_LESS})\s+than|under|below|beneath|inferior to", "<", "<"),
        ("exactly|precisely|equal(?:s|ing)?(?: to)?", "==|=", "="),
    )
)  # fmt: skip
_AFTER = (
    (
        re.compile(
            r"\+|\s*(?:or|and)\s+(?:more|above|higher|greater|over|older|larger|longer|better|up|taller|heavier)\b"
        ),
        ">=",
    ),
    (re.compile(r"\s*(?:or|and)\s+(?:less|fewer|below|lower|under|younger|smaller|shorter|cheaper)\b"), "<="),
)
_AFTER_UNIT = re.compile(r"\s+\w+")
_BETWEEN = re.compile(r"\b(not\s+)?(?:between|from|in the range(?: of)?|ranging from|in between)\s+(?:the\s+)?$")
_AND = re.compile(r"\s*(?:\w+\s+)?(?:and|to|through|-|–)\s+(?:the\s+)?|\s*[-–]\s*")
_LIMIT = re.compile(
    r"\b(?:top|first|last|bottom|best|worst|next|limit|least|most|highest|lowest|largest|smallest|oldest|youngest|latest|"
    r"newest|earliest|cheapest|longest|shortest|biggest|recent|list|show|give|return|find|which|what)(?:\s+(?:me|the|of|to))*\s*$"
)
_SUPERLATIVE = re.compile(
    r"\s+(?:\w+\s+)?(?:most|least|highest|lowest|largest|smallest|oldest|youngest|latest|newest|earliest|cheapest|longest|"
    r"shortest|biggest|best|worst|different|distinct|other)\b"
)
_ID_WORDS = frozenset({"id", "ids", "number", "no", "num", "code", "key", "#", "nr"})
_IS = frozenset({"is", "are", "was", "were", "of", "equals", "equal", "to", "=", "==", "a", "an", "the", "with", "at", "has",
                 "have", "having", "being", "exactly", "named", "value", "in", "either", "or", "and"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Stated:
    """A comparison as the question states it, before its column is known."""

    start: int
    end: int
    op: str
    numbers: tuple[Number, ...]
    negated: bool = False

    @property
    def first(self) -> Number:
        return self.numbers[0]


def read_comparisons(inputs: Inputs, taken: tuple[tuple[int, int], ...]) -> list[Clause]:
    """The clauses that compare a number, outside of the spans in `taken`, which days have."""
    numbers = find_numbers(inputs.text, taken)
    clauses, place = [], 0
    while place < len(numbers):
        stated = _stated(inputs.text, numbers, place)
        place += len(stated.numbers) if stated is not None else 1
        if stated is None:
            continue
        options = _options(inputs, stated)
        if options:
            clauses.append(Clause(stated.start, stated.end, tuple(options)))
    return clauses


def is_count_of(inputs: Inputs, start: int, end: int) -> str:
    """The table that a number at characters [start, end) counts rows of ("more than 3 orders"), "" for none.

    Such a comparison belongs into HAVING. A word that also names a column of numbers ("more than 100 seats") counts
    only where it names a table as well.
    """
    _, last = inputs.covered(start, end)
    for position in range(last, min(last + 3, len(inputs.tokens))):
        token = inputs.tokens[position]
        named = [
            (share, table)
            for table, places in inputs.named_tables.items()
            for place, share in places
            if place == position and token.text != token.stem
        ]
        if named:
            return inputs.view.table_name(max(named)[1])
        if not token.text.isalpha() or token.text in _IS:
            break
    return ""


def _stated(text: str, numbers: Sequence[Number], place: int) -> _Stated | None:
    one = numbers[place]
    before = text[max(0, one.start - 60) : one.start]
    offset = max(0, one.start - 60)
    between = _BETWEEN.search(before)
    if between is not None and place + 1 < len(numbers) and _AND.fullmatch(text[one.end : numbers[place + 1].start]):
        two = numbers[place + 1]
        return _Stated(offset + between.start(), two.end, "between", (one, two), negated=bool(between[1]))
    after = _said_after(text, one)
    if after is not None:
        return _Stated(one.start, after[1], after[0], (one,))
    for pattern, op in _BEFORE:
        if match := pattern.search(before):
            return _Stated(offset + match.start(), one.end, op, (one,))
    if _LIMIT.search(before) or _SUPERLATIVE.match(text, one.end):
        return None
    return _Stated(one.start, one.end, "", (one,))


def _said_after(text: str, one: Number) -> tuple[str, int] | None:
    for begin in (one.end, None):
        place = begin
        if place is None:  # "3 stars or more"
            unit = _AFTER_UNIT.match(text, one.end)
            if unit is None:
                return None
            place = unit.end()
        for pattern, op in _AFTER:
            if match := pattern.match(text, place):
                return op, match.end()
    return None


def _options(inputs: Inputs, stated: _Stated) -> list[Option]:
    first, last = inputs.covered(stated.start, stated.end)
    if first == last:
        return []
    if not stated.op:
        return _equalities(inputs, stated, first, last)
    if is_count_of(inputs, stated.first.start, stated.numbers[-1].end) and not stated.first.money:
        return []
    scored = []
    for number, facts in enumerate(inputs.view.columns):
        fit = _numeric(inputs, number)
        if not fit or facts.key or facts.foreign or facts.kind == "id":
            continue
        near = inputs.near(number, first, last)
        score = _score(inputs, number, near, stated, first) * fit
        if score >= _LEAST and near + (inputs.likelihood(facts.ref, stated.start, stated.end) or 0.0) > 0.2:
            scored.append((score, number))
    options = [
        Option(round(score, 4), _test(inputs, number, stated), (inputs.facts(number).ref.table,), "comparison")
        for score, number in sorted(scored, key=lambda pair: (-pair[0], pair[1]))
    ]
    return _best([*options, *_ages(inputs, stated, first, last)])


def _best(options: list[Option]) -> list[Option]:
    options = sorted(options, key=lambda option: -option.score)[:_MOST_OPTIONS]
    return [option for option in options if option.score >= _WORST * options[0].score]


def _score(inputs: Inputs, number: int, near: float, stated: _Stated, first: int) -> float:
    facts = inputs.facts(number)
    likelihood = inputs.likelihood(facts.ref, stated.start, stated.end)
    score = 0.15 + 0.5 * near + 0.2 * inputs.spoken(facts.table, first)
    score += 0.15 * (0.3 if likelihood is None else likelihood)
    return min(1.0, score)


def _numeric(inputs: Inputs, number: int) -> float:
    """How sure it is that the column holds numbers that are compared by size, 0..1."""
    facts = inputs.facts(number)
    stored = inputs.stored(number)
    if stored and all(isinstance(value, bool) or value in (0, 1) for value in stored) and len(set(stored)) == 2:
        return 0.0  # yes and no
    if stored and all(isinstance(value, (int, float)) for value in stored):
        return 1.0
    if facts.kind == "number" and not stored:
        return 0.95
    return 0.85 if stored and _numbers_as_text(stored) else 0.0


def _numbers_as_text(stored: tuple[object, ...]) -> bool:
    return all(isinstance(value, str) and re.fullmatch(r"\s*-?\d+(?:\.\d+)?\s*", value) for value in stored)


def _test(inputs: Inputs, number: int, stated: _Stated) -> Any:
    facts = inputs.facts(number)
    held: Any = column(facts.ref, inputs.dialect)
    stored = inputs.stored(number)
    if stored and _numbers_as_text(stored):
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


def _ages(inputs: Inputs, stated: _Stated, first: int, last: int) -> list[Option]:
    """ "older than 30" by the birth date, where one is stored: born before the day 30 years ago."""
    text = inputs.text[max(0, stated.start - 25) : min(len(inputs.text), stated.end + 20)]
    if not re.search(r"\b(?:old|older|young|younger|aged?)\b", text) or stated.op == "between":
        return []
    years = int(min(stated.first.value, 500)) if stated.first.value.is_integer() else -1
    if years < 0 or stated.op not in (">", "<", ">=", "<="):
        return []
    options = []
    for one in day_columns(inputs):
        if not {"birth", "birthday", "birthdate", "dob", "born"} & set(inputs.facts(one.number).name.stems):
            continue
        test, note = _born(one, stated.op, years, inputs)
        if test is not None:
            score = 0.5 + 0.3 * inputs.spoken(inputs.facts(one.number).table, first)
            options.append(Option(round(score, 4), test, (one.ref.table,), "date", note))
    return options


def _born(one: Any, op: str, years: int, inputs: Inputs) -> tuple[Any, str]:
    # Who has the age of 31 or more is older than 30: born on or before the day 31 years ago.
    turned = years + 1 if op in (">", "<=") else years
    if turned >= inputs.today.year:
        return None, ""
    day = add_months(inputs.today, -12 * turned)
    bound = date.fromordinal(day.toordinal() + 1)
    note = f"age counted on {inputs.today.isoformat()}"
    low, high = (None, bound) if op in (">", ">=") else (bound, None)
    test, reason = one.test(low, high, inputs.dialect)
    return (None, reason) if test is None else (test, note)


def _equalities(inputs: Inputs, stated: _Stated, first: int, last: int) -> list[Option]:
    """A bare number beside the name of a column: "with ID 1", "rating of 5", "semester 2"."""
    # The naming word stands right before the number, or right after "=" and the like.
    place = first - 1
    while place >= 0 and inputs.tokens[place].text in _IS and first - place <= 3:
        place -= 1
    if place < 0 or stated.first.spelt:
        return []
    word = inputs.tokens[place]
    options = []
    for number, facts in enumerate(inputs.view.columns):
        fit = inputs.fits(place, number)
        if word.text in _ID_WORDS or (not fit and facts.key):
            found = _identity(inputs, number, place, word.text)
            fit = max(fit if word.text not in _ID_WORDS else 0.0, found)
        if fit < 0.35 or not _takes_number(inputs, number):
            continue
        near = inputs.near(number, first, last)
        score = min(1.0, 0.25 + 0.35 * fit + 0.2 * near + 0.2 * inputs.spoken(facts.table, first))
        kind = "id" if facts.key or facts.foreign or facts.kind == "id" else "comparison"
        options.append(Option(round(score, 4), _equal(inputs, number, stated), (facts.ref.table,), kind))
    return _best(options) if options else []


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
    return (0.5 + 0.3 * inputs.spoken(facts.table, place)) if facts.key else 0.0


def _takes_number(inputs: Inputs, number: int) -> bool:
    facts, stored = inputs.facts(number), inputs.stored(number)
    return (
        facts.kind in ("number", "id")
        or _numeric(inputs, number) > 0
        or any(
            isinstance(value, (int, float)) or (isinstance(value, str) and value.strip().isdigit()) for value in stored
        )
    )


def _equal(inputs: Inputs, number: int, stated: _Stated) -> Any:
    stored = inputs.stored(number)
    held = column(inputs.facts(number).ref, inputs.dialect)
    value = stated.first.value
    if stored and all(isinstance(one, str) for one in stored) and value.is_integer():
        # As written, since "007" and "7" are two texts.
        return compare("=", held, literal(inputs.question[stated.first.start : stated.first.end].strip()))
    return compare("=", held, literal(value))
