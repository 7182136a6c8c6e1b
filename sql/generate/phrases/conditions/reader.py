"""Runs all readers of conditions over one question."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from ....schema.schema import ColumnRef
from .absence import read_absences, read_denied_values
from .booleans import read_booleans
from .build import any_of, negate
from .clauses import Clause, Conditions, Option
from .comparisons import read_comparisons
from .dates import read_dates
from .inputs import Inputs
from .named_values import find_quoted
from .nulls import read_nulls
from .patterns import read_patterns
from .times import read_times
from .values import read_values
from .weekdays import read_weekdays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ....schema.hits import RangeHit, ValueHit
    from ...sketch.view import SchemaView

__all__ = ["read_all", "read_conditions"]

_MOST_OPTIONS = 6
_WORST = 0.4  # of the best option's score
_CLEAR = 0.45
_NAMES = 0.3  # a word that fits a column so well belongs to the clause
_WORDS_BEFORE = 5
_BETWEEN_WORDS = """
    is are was were a an the of with has have having had that whose their its been be in at to who which up
"""
_BETWEEN = frozenset(_BETWEEN_WORDS.split())
_DENIED_VERB = re.compile(
    r"\b(?:not|n't|never)\s+\w+(?:ed|en|d)\s+(?:by|in|at|from|with|to)\s+(?:(?:the|an?)\s+)?(?:\w+\s+)?$"
)
_DENIED_EVENT = re.compile(r"\b(?:not|n't)\s+\w+(?:ed|en|d|t)\s+$")
_OR = re.compile(
    r"\s*,?\s*or\s+(?:(?:are|is|were|was|that|who|which|whose|have|has|with|in|from|located|either|a|an|the|on|at|those|"
    r"by|named|called)\s+)*"
)


def read_conditions(
    question: str,
    view: SchemaView,
    *,
    hits: Sequence[ValueHit] = (),
    ranges: Sequence[RangeHit] = (),
    today: datetime.date | None = None,
    samples: Mapping[ColumnRef, tuple[object, ...]] | None = None,
) -> list[Clause]:
    """The conditions of a question, in its order, with disjoint spans; [] for a question without any.

    Args:
        question: The user's words; the first 200 are read.
        view: The prepared schema.
        hits: Stored values that the question mentions.
        ranges: Columns that its numbers and days may be compared with.
        today: What "last month" counts from; None for the clock's day.
        samples: A few stored values by column, which show how it writes yes and no, or days; None: the examples of the
            view's schema.
    """
    found = read_all(question, view, hits=hits, ranges=ranges, today=today, samples=samples)
    return list(found.clauses)


def read_all(
    question: str,
    view: SchemaView,
    *,
    hits: Sequence[ValueHit] = (),
    ranges: Sequence[RangeHit] = (),
    today: datetime.date | None = None,
    samples: Mapping[ColumnRef, tuple[object, ...]] | None = None,
) -> Conditions:
    """As `read_conditions`, with the problems of conditions that cannot hold."""
    day = today or datetime.datetime.now().astimezone().date()
    inputs = Inputs(question, view, day, hits, ranges, samples)
    if not inputs.tokens:
        return Conditions(())
    dates, problems = read_dates(inputs)
    dates = _disjoint([*dates, *read_weekdays(inputs)])
    # A year or number within a quoted text is a part of it.
    quoted = [(a, b) for a, b, _ in find_quoted(inputs.question[: len(inputs.text)])]
    dates = [one for one in dates if not any(a < one.start and one.end < b - 1 for a, b in quoted)]
    # A bare number that may be a year may also be another number.
    taken = tuple((clause.start, clause.end) for clause in dates if clause.options[0].score >= _CLEAR)
    patterns = [*read_patterns(inputs), *read_times(inputs)]
    taken += tuple((clause.start, clause.end) for clause in patterns)
    found = [*dates, *patterns, *read_comparisons(inputs, taken), *read_booleans(inputs), *read_nulls(inputs, taken)]
    found += read_values(inputs, taken)
    clauses = _disjoint(_merged(found))
    clauses = _disjoint(_merged([*clauses, *read_absences(inputs, clauses)]))
    clauses = [_with_denied_verb(inputs, clause, begin) for clause, begin in _with_begins(clauses)]
    denied = {(clause.start, clause.end): clause for clause in read_denied_values(inputs, clauses)}
    clauses = [denied.get((clause.start, clause.end), clause) for clause in clauses]
    return Conditions(tuple(_joined_by_or(inputs, _with_names(inputs, clauses))), tuple(dict.fromkeys(problems)))


def _merged(clauses: Sequence[Clause]) -> list[Clause]:
    """Clauses of one span as one, with the options of all."""
    spans: dict[tuple[int, int], list[Clause]] = defaultdict(list)
    for clause in clauses:
        spans[clause.start, clause.end].append(clause)
    return [
        Clause(start, end, _ranked([one for same in found for one in same.options]))
        for (start, end), found in spans.items()
    ]


def _ranked(options: Sequence[Option]) -> tuple[Option, ...]:
    ranked = sorted(options, key=lambda option: -option.score)
    best = ranked[0].score
    seen: dict[str, Option] = {}
    for option in ranked:
        if option.score >= _WORST * best:
            seen.setdefault(option.test.sql(), option)
    return tuple(seen.values())[:_MOST_OPTIONS]


def _disjoint(clauses: Sequence[Clause]) -> list[Clause]:
    """Clear clauses first, then the longest spans; of those that overlap the later ones are dropped."""
    kept: list[Clause] = []
    for clause in sorted(clauses, key=_rank):
        if all(clause.end <= other.start or other.end <= clause.start for other in kept):
            kept.append(clause)
    return sorted(kept, key=lambda one: one.start)


def _rank(clause: Clause) -> tuple[bool, int, float, int]:
    best = clause.options[0]
    return best.score < _CLEAR, clause.start - clause.end, -best.score, clause.start


def _with_names(inputs: Inputs, clauses: Sequence[Clause]) -> list[Clause]:
    named: list[Clause] = []
    for clause, end in zip(clauses, [*(one.start for one in clauses[1:]), len(inputs.text)], strict=False):
        named.append(_extended(inputs, clause, named[-1].end if named else 0, end))
    return named


def _with_begins(clauses: Sequence[Clause]) -> list[tuple[Clause, int]]:
    """Each clause with the end of the one before it."""
    return list(zip(clauses, [0, *(clause.end for clause in clauses)], strict=False))


def _with_denied_verb(inputs: Inputs, clause: Clause, begin: int) -> Clause:
    """A value after a denied verb: "not measured by the unit 'Handful'"."""
    denied = _DENIED_VERB.search(inputs.text, begin, clause.start)
    if clause.options[0].kind == "date" and denied is None:
        denied = _DENIED_EVENT.search(inputs.text, begin, clause.start)
    if clause.options[0].kind not in ("value", "date") or denied is None:
        return clause
    options = tuple(replace(option, test=negate(option.test)) for option in clause.options)
    return Clause(denied.start(), clause.end, options)


def _extended(inputs: Inputs, clause: Clause, begin: int, end: int) -> Clause:
    """The clause with the words in [begin, end) that name its column: "a rating above 4" instead of "above 4"."""
    columns = [inputs.view.index[ref] for ref in _columns(inputs, clause.options[0])]
    if not columns or clause.options[0].kind == "absence":
        return clause
    first, _ = inputs.covered(clause.start, clause.end)
    named = {place for places in inputs.named_tables.values() for place, share in places if share > 0.5}
    clause = replace(clause, end=min(end, _end(inputs, clause, columns)))
    best, place = first, first - 1
    while place >= 0 and first - place <= _WORDS_BEFORE and inputs.tokens[place].start >= begin:
        token = inputs.tokens[place]
        between = inputs.text[token.end : inputs.tokens[place + 1].start]
        if between.strip(" -'\""):
            break  # a comma or a full stop
        if place not in named and any(inputs.fits(place, number) >= _NAMES for number in columns):
            best = place
        elif token.text not in _BETWEEN:
            break
        place -= 1
    return clause if best == first else replace(clause, start=min(clause.start, inputs.tokens[best].start))


def _end(inputs: Inputs, clause: Clause, columns: Sequence[int]) -> int:
    """The end of a number's clause with the unit after it: "1 star", "30 years old"."""
    if clause.options[0].kind not in ("comparison", "date"):
        return clause.end
    _, place = inputs.covered(clause.start, clause.end)
    place += place < len(inputs.tokens) and inputs.tokens[place].text in ("year", "years")
    if place >= len(inputs.tokens) or inputs.text[clause.end : inputs.tokens[place].start].strip(" yearsS"):
        return clause.end
    named = {at for places in inputs.named_tables.values() for at, share in places if share > 0.5}
    fits = place not in named and any(inputs.fits(place, number) >= _NAMES for number in columns)
    return inputs.tokens[place].end if fits else clause.end


def _columns(inputs: Inputs, option: Option) -> list[ColumnRef]:
    found = [ColumnRef(one.table, one.name) for one in option.test.find_all(exp.Column)]
    return [ref for ref in found if ref in inputs.view.index]


def _joined_by_or(inputs: Inputs, clauses: Sequence[Clause]) -> list[Clause]:
    """Neighbouring clauses between which only "or" stands, as one: "in Rome or with a pool"."""
    joined: list[Clause] = []
    for clause in clauses:
        if joined and _OR.fullmatch(inputs.text[joined[-1].end : clause.start]):
            one, two = joined.pop(), clause
            pairs = [(a, b) for a in one.options[:2] for b in two.options[:2]]
            options = [_either(a, b) for a, b in pairs]
            joined.append(Clause(one.start, two.end, _ranked(options)))
        else:
            joined.append(clause)
    return joined


def _either(one: Option, other: Option) -> Option:
    score = round((one.score * other.score) ** 0.5, 4)
    tables = tuple(dict.fromkeys(one.tables + other.tables))
    return Option(score, any_of([one.test.copy(), other.test.copy()]), tables, one.kind, one.note or other.note)
