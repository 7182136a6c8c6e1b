"""Conditions on stored values: the column of each value, lists of values, negations, and texts that are not stored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctxprune.text.words import STOP_WORDS, fold, stem

from .booleans import without_prefix
from .build import column, compare, contains_text, literal, lower, negate
from .clauses import Clause, Option
from .named_values import find_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ....schema.schema import ColumnRef
    from .inputs import Inputs
    from .named_values import Named

__all__ = ["read_values"]

_MOST_OPTIONS = 6
_WORST = 0.4
_NOT = re.compile(
    r"(?:\bnon[-\s]|\b(?:not|n't|isn't|aren't|wasn't|weren't|other than|except(?: for)?|excluding|exclude|"
    r"apart from|besides|"
    r"outside(?: of)?|neither|nor|"
    r"but not|never|different from|no)(?:\s+(?:a|an|the|in|from|of|to|is|are|be|with|located|live|"
    r"living|based|named|called|including|any|have|has|equal))*\s+)[\"'“‘`]?$"
)
_OR = re.compile(r"[\"'”’`]?\s*(?:,\s*(?:or|and)?|or|and|nor|/)\s*(?:either\s+)?(?:a|an|the|in|from|of)?\s*[\"'“‘`]?")
_NAMED = 0.3
_MEANS = frozenset({"via", "through", "using", "by"})
_LEAST_LIKELY = 0.05
_FEW, _SHORT = 14, 30


def read_values(inputs: Inputs, taken: Sequence[tuple[int, int]]) -> list[Clause]:
    """The clauses that ask for a value, outside of the spans in `taken`."""
    named = find_values(inputs, taken)
    clauses, place = [], 0
    while place < len(named):
        run = _run(inputs, named, place)
        place += len(run)
        options = _options(inputs, run)
        if options:
            clauses.append(Clause(*_span(inputs, run), tuple(options)))
    return clauses


def _run(inputs: Inputs, named: Sequence[Named], place: int) -> list[Named]:
    """Values of one column in a row: "Amazon, Apple or Google"."""
    run = [named[place]]
    shared = set(run[0].places)
    for one in named[place + 1 :]:
        between = inputs.text[run[-1].end : one.start]
        shared &= set(one.places)
        if not shared or run[0].stored != one.stored or not _OR.fullmatch(between):
            break
        run.append(one)
    return run


def _span(inputs: Inputs, run: Sequence[Named]) -> tuple[int, int]:
    denied = _NOT.search(inputs.text[: run[0].start])
    start, end = denied.start() if denied is not None else run[0].start, run[-1].end
    # The quotation marks belong to the value.
    if inputs.question[start - 1 : start] in ('"', "'", "“", "‘", "`") and start > 0:
        start -= 1
    if inputs.question[end : end + 1] in ('"', "'", "”", "’", "`") and (
        inputs.question[start : start + 1] in ('"', "'", "“", "‘", "`")
    ):
        end += 1
    return start, end


def _options(inputs: Inputs, run: Sequence[Named]) -> list[Option]:
    first, last = inputs.covered(run[0].start, run[-1].end)
    denied = _NOT.search(inputs.text[: run[0].start]) is not None
    word, surface = (text[run[0].start : run[0].end] for text in (inputs.text, inputs.question))
    turned = (
        not run[0].stored
        and bool(without_prefix(word))
        and all(fold(value) == without_prefix(word) for value, *_ in run[0].places.values())
    )
    options = []
    for ref in set.intersection(*(set(one.places) for one in run)):
        number = inputs.view.index[ref]
        facts = inputs.facts(number)
        closeness = sum(one.places[ref].closeness for one in run) / len(run)
        near = inputs.near(number, first, last)
        score = 0.5 * closeness + 0.25 * near + 0.25 * inputs.spoken(facts.table, first)
        if surface.isdigit() and near < _NAMED:
            continue  # a number that no word near it makes a value of this column
        # "go" is rarely the code GO, unless all of the question is in lower case.
        stored = run[0].places[ref].value
        code = stored.isupper() and stored.lower() == surface == surface.lower() and not inputs.question.islower()
        score *= 0.5 if code else 1.0
        score *= _schema_factor(inputs, first, last, facts.table)
        score = 0.0 if score < _least(inputs, run[0], ref) else score
        # "male and female students" groups by the gender; "both" and "or" ask for each.
        score *= 0.6 if _says_all(inputs, number, run) and not denied else 1.0
        test = _test(inputs, ref, run, partial=not run[0].stored and not turned)
        test = negate(test) if denied != turned else test
        options.append(Option(round(min(1.0, score), 4), test, (ref.table,), "value"))
    options = [option for option in options if option.score]
    options.sort(key=lambda option: (-option.score, option.test.sql()))
    return [option for option in options[:_MOST_OPTIONS] if option.score >= _WORST * options[0].score]


def _says_all(inputs: Inputs, number: int, run: Sequence[Named]) -> bool:
    """Several values are all that a column holds."""
    stored = set(map(str, inputs.stored(number)))
    ref = inputs.facts(number).ref
    if "both" in inputs.text[max(0, run[0].start - 12) : run[0].start]:
        return False
    return 2 <= len(stored) <= _FEW and len(run) > 1 and stored <= {one.places[ref].value for one in run}


def _schema_factor(inputs: Inputs, first: int, last: int, table: int) -> float:
    """Below 1 for words that name a table or column as well, and so are rarely meant as a value."""
    if any(inputs.tokens[k].capital for k in range(max(first, 1), last)):
        return 1.0
    if first and inputs.tokens[first - 1].text in _MEANS:
        return 1.0
    # "transaction notifications": right before the name of the table that stores it.
    if any(place == last for place, _ in inputs.named_tables.get(table, ())):
        return 1.0
    named = {place for places in inputs.named_tables.values() for place, share in places if share >= 0.25}
    columns = range(len(inputs.view.columns))
    if all(
        place in named or inputs.tokens[place].text in STOP_WORDS or any(inputs.fits(place, n) > 0.95 for n in columns)
        for place in range(first, last)
    ):
        return 0.5
    # A part of a longer name: "shipping" in "shipping agent".
    if any(inputs.fits(first, n) and last < len(inputs.tokens) and inputs.fits(last, n) for n in columns):
        return 0.45
    return 1.0


def _least(inputs: Inputs, named: Named, ref: ColumnRef) -> float:
    """The score below which a value is noise: stored texts that only resemble a small word need more."""
    surface = inputs.question[named.start : named.end]
    if not named.stored or named.places[ref].spelt or stem(fold(named.places[ref].value)) == stem(fold(surface)):
        return 0.2 if surface[:1].isupper() and named.start > 0 else 0.3
    if surface.isupper() and "".join(word[0] for word in named.places[ref].value.split()).upper() == surface:
        return 0.25  # initials
    stored = set(fold(named.places[ref].value).split())
    # Misspelt words keep their first letter, and no word of the question's grammar stands in for one that is stored.
    if any(word in STOP_WORDS and word not in stored for word in surface.lower().split()):
        return 1.0
    if named.places[ref].value[:1].casefold() != surface[:1].casefold() and surface.islower():
        return 1.0
    return 0.15 if surface[:1].isupper() and named.start > 0 and not (surface.isupper() and len(surface) <= 4) else 0.55


def _test(inputs: Inputs, ref: ColumnRef, run: Sequence[Named], *, partial: bool) -> Any:
    held = column(ref, inputs.dialect)
    texts = list(dict.fromkeys(one.places[ref].value for one in run))
    # A letter or two within quotation marks is all that the column holds, a grade or a code.
    if partial and min(map(len, texts)) > 2:
        tests = [contains_text(held.copy(), text) for text in texts]
        return tests[0] if len(tests) == 1 else exp.Paren(this=exp.or_(*tests, copy=False, wrap=False))
    # A masked value is known as the question writes it, not as it is stored.
    if any(one.places[ref].masked for one in run):
        held, texts = lower(held), [text.lower() for text in texts]
    if len(texts) == 1:
        return compare("=", held, _stored_literal(inputs, ref, texts[0]))
    return exp.In(this=held, expressions=[_stored_literal(inputs, ref, text) for text in texts])


def _stored_literal(inputs: Inputs, ref: ColumnRef, text: str) -> Any:
    """A number where the column stores numbers, else a text."""
    stored = inputs.stored(inputs.view.index[ref])
    if stored and all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in stored):
        try:
            return literal(float(text))
        except ValueError:
            return literal(text)
    return literal(text)
