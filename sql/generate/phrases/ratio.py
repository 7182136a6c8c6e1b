"""Ratios, shares and percentages: two counts or sums, each under its own conditions, in one query."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .functions import quotient
from .plan import ENTITY, SOURCE, Plan, has_aggregate
from .scan import Mask, phrase_at
from .term import Term

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .draft import Having, Slot
    from .term import Topic
    from .terms import Terms

__all__ = ["Ratio", "grouped_ratio", "limited_sides", "read_ratio"]

_RATIO = re.compile(r"\b(?:the\s+)?(?:ratio|proportion|quotient)\s+(?:of|between)\b")
_SHARE = re.compile(r"\b(?:the\s+)?(?:percentage|percent|share|fraction|proportion)\s+of\b(?:\s+(?:all|the)\b)?")
_VERSUS = re.compile(r"\b(?:to|versus|vs\.?|compared\s+(?:to|with)|out\s+of|over|against|among|and)\b(?=\s)")
_END = re.compile(
    r"[.?!;](?:\s|$)|,\s|\b(?:for|in|per|across|by)\s+(?:each|every|all different|different)\b"
    r"|\bper\s|\bvary\b|\boverall\b|(?<!ed )(?<!made )(?<!written )\bby\s+(?=\w+(?:\s\w+)?\s*(?:[.?!]|$))|$"
)
_WHOLE = re.compile(r"^\s*(?:the\s+)?(?:all|total|overall|entire|everything)\b")
_NOT = re.compile(r"\bnon\b|\bnon-|\bnot\b|n['’]t\b|\bwithout\b")
# "the number of bookings and its percentage of all bookings" shows both.
_MEASURED = re.compile(
    r"\b(?:the\s+)?(?:number|count|total|sum)\s+(?:of\s+)?[^,;.?]{2,40}\s+and\s+(?:its|their|the)\s+$"
)
_NOUN = 0.9
_PERCENT = re.compile(r"\bpercent")
# Words that begin a condition on the whole query when they follow the second half of a ratio.
_GLOBAL = re.compile(r"\b(?:in|for|from|at|during|within)\s*$")


@dataclass(frozen=True)
class Ratio:
    """`top / bottom`.

    Attributes:
        top, bottom: Readings of what is counted or summed.
        top_clauses, bottom_clauses: Numbers of the clauses that limit each.
        top_having, bottom_having: Tests on the number of things of each row that is counted.
        percent: Times 100.
        whole: The bottom is the sum of the tops of all groups ("share of the total amount").
        opposite: The bottom is what the top's test excludes ("vegan to non-vegan").
        form: "quotient", "minus", "change" (the difference in percent of the bottom) or "beside" (both are shown).
    """

    top: Slot
    bottom: Slot
    top_clauses: tuple[int, ...] = ()
    bottom_clauses: tuple[int, ...] = ()
    top_having: Having | None = None
    bottom_having: Having | None = None
    percent: bool = False
    opposite: bool = False
    whole: bool = False
    form: str = "quotient"


def read_ratio(
    mask: Mask,
    clauses: Sequence[tuple[int, int]],
    readers: tuple[Terms, Callable[[Mask], list[Having]]],
    topic: Topic,
) -> Ratio | None:
    """The ratio that a question asks for, blanked in the mask; None where it asks for none.

    Args:
        mask: The question without its conditions.
        clauses: Characters [start, end) of the conditions.
        readers: Of noun phrases, and of tests on groups.
        topic: What the question is about.
    """
    match = _RATIO.search(mask.text)
    end = _END.search(mask.text, match.end()) if match else None
    versus = _middle(mask.text, match.end(), end.start(), (readers[0], topic)) if match and end else None
    if match is None or versus is None:
        match = _SHARE.search(mask.text)
        return None if match is None else _share(mask, match, clauses, (readers, topic))
    stop = end.start() if end else len(mask.text)
    top_text, bottom_text = mask.text[match.end() : versus.start()], mask.text[versus.end() : stop]
    own = [n for n, (start, _) in enumerate(clauses) if match.end() <= start < versus.start()]
    other = [n for n, (start, _) in enumerate(clauses) if versus.end() <= start < stop + 1]
    if _WHOLE.match(bottom_text):
        other = []
    # Both sides are limited alike: what is left over at the end limits the whole.
    other = [
        n
        for n in other[: len(own)]
        if not (len(other) > 1 and _GLOBAL.search(mask.text[: clauses[n][0]]) and n == other[-1])
    ]
    opposite = bool(own) and _NOT.search(bottom_text) is not None and len(other) < len(own) + 1
    if opposite and (not other or _GLOBAL.search(mask.text[: clauses[other[0]][0]])):
        other = []
    else:
        opposite = False
    top, top_having = _side(top_text, readers, topic)
    bottom, bottom_having = _side(bottom_text, readers, topic)
    # "the ratio of business to economy bookings" names what is counted once.
    top, bottom = top or (bottom if own else []), bottom or top
    if not top or not bottom:
        return None
    mask.blank(match.start(), stop)
    return Ratio(
        top, bottom, tuple(own), tuple(other), top_having, bottom_having, bool(_PERCENT.search(mask.text)), opposite
    )


def _middle(text: str, start: int, stop: int, reading: tuple[Terms, Topic]) -> re.Match[str] | None:
    """The word between the two sides: the first one after which something of the schema is named."""
    for match in _VERSUS.finditer(text, start, stop):
        phrase, _ = phrase_at(text, match.end())
        if phrase and reading[0].read(phrase, reading[1]):
            return match
    return None


def _share(
    mask: Mask,
    match: re.Match[str],
    clauses: Sequence[tuple[int, int]],
    context: tuple[tuple[Terms, Callable[[Mask], list[Having]]], Topic],
) -> Ratio | None:
    readers, topic = context
    phrase, end = phrase_at(mask.text, match.end())
    near = [n for n, (start, _) in enumerate(clauses) if start >= match.end() - 1]
    top = _counts(readers[0].read(phrase, topic) or _nouns(near, clauses, match.end(), readers[0], topic), readers[0])
    if not top:
        return None
    if near:
        top = _rows(top, readers[0])
    measured = _MEASURED.search(mask.text[: match.start()]) if not near else None
    mask.blank(match.start() if measured is None else measured.start(), end)
    ratio = Ratio(top, top, tuple(near[:1]), percent="percent" in match[0], whole=not near)
    return ratio if measured is None else replace(ratio, form="beside")


def _nouns(near: Sequence[int], clauses: Sequence[tuple[int, int]], start: int, terms: Terms, topic: Topic) -> Slot:
    """What is spoken of, where a condition stands for its noun: "the share of smokers"."""
    if not near or clauses[near[0]][0] - start > 1:
        return []
    return [Term(_NOUN, (terms.count(name),), name, "measure") for name in terms.subjects(topic)]


def _rows(slot: Slot, terms: Terms) -> Slot:
    """Under a condition the rows of a column that is no number: "the share of business class"."""
    known = [(term, terms.facts(term.expressions[0]) if len(term.expressions) == 1 else None) for term in slot]
    return [
        replace(term, expressions=(terms.count(term.table),), kind="measure")
        if facts is not None and facts.kind != "number" and term.table
        else term
        for term, facts in known
    ]


def _side(text: str, readers: tuple[Terms, Callable[[Mask], list[Having]]], topic: Topic) -> tuple[Slot, Having | None]:
    terms, having = readers
    held = Mask(text)
    tests = having(held)
    phrase, _ = phrase_at(held.text, 0)
    return _counts(terms.read(phrase, topic), terms), tests[0] if tests else None


def _counts(slot: Slot, terms: Terms) -> Slot:
    """Things are counted."""
    return [replace(t, expressions=(terms.count(t.table),), kind="measure") if t.kind == "thing" else t for t in slot]


def limited_sides(
    sides: tuple[Term, Term],
    tests: tuple[exp.Expression | None, exp.Expression | None],
    *,
    sums: bool,
    distinct: dict[str, exp.Expression],
) -> tuple[exp.Expression, exp.Expression]:
    """Two terms, each under its test.

    Args:
        sides: What is counted or summed.
        tests: Conditions of each side; None for all rows.
        sums: Plain columns are summed; otherwise the quotient is one of each row.
        distinct: Keys of the tables whose rows joins repeat.
    """
    top, bottom = (
        _limited(term.expressions[0], test, sums=sums, distinct=distinct)
        for term, test in zip(sides, tests, strict=True)
    )
    return top, bottom


def _limited(node: Any, test: exp.Expression | None, *, sums: bool, distinct: dict[str, exp.Expression]) -> Any:
    if not has_aggregate(node):
        node = exp.Sum(this=node.copy()) if sums or test is not None else node
    if test is None or not isinstance(node, exp.AggFunc):
        return node.copy()
    table = node.meta.get(ENTITY, "")
    if table:
        if table in distinct:
            return exp.Count(this=exp.Distinct(expressions=[_case(test, distinct[table], None)]))
        return exp.Sum(this=_case(test, exp.Literal.number(1), exp.Literal.number(0)))
    inner = node.this
    if isinstance(inner, exp.Distinct):
        return exp.Count(this=exp.Distinct(expressions=[_case(test, inner.expressions[0], None)]))
    return type(node)(this=_case(test, inner, exp.Literal.number(0) if isinstance(node, exp.Sum) else None))


def _case(test: exp.Expression, value: exp.Expression, default: exp.Expression | None) -> exp.Case:
    return exp.Case(ifs=[exp.If(this=test.copy(), true=value.copy())], default=default)


def grouped_ratio(inner: Plan, tests: tuple[exp.Expression | None, ...], *, percent: bool) -> Plan:
    """The ratio of groups under one test to groups under another.

    Args:
        inner: Shows the key and the count of each group.
        tests: Comparisons of `grouped_count`.
        percent: Times 100.
    """
    top, bottom = (
        exp.Count(this=exp.Star())
        if test is None
        else exp.Sum(this=_case(test, exp.Literal.number(1), exp.Literal.number(0)))
        for test in tests
    )
    return Plan((quotient(top, bottom, percent=percent),), source=inner)


def grouped_count() -> exp.Column:
    """The second output of the grouped query."""
    return exp.Column(this=exp.to_identifier("c2"), table=exp.to_identifier(SOURCE))
