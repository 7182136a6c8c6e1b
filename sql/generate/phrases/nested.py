"""Averages of sums and counts: "average order value", "average number of bookings per member"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from .measures import SOLD, SPENT
from .plan import SOURCE, Plan, has_aggregate
from .scan import phrase_at
from .term import Term

if TYPE_CHECKING:
    from .choices import Choice
    from .draft import Slot
    from .outputs import Output
    from .term import Topic
    from .terms import Terms

__all__ = ["Nested", "nested_plan", "read_nested"]

_VALUE = re.compile(
    r"\b(?:the\s+)?(?:average|mean)\s+((?:[^\W\d_][\w-]*\s+){1,2}?)(?:value|amount|total|size|revenue|spend|worth|sales)s?\b"
)
_VALUE_OF = re.compile(
    r"\b(?:the\s+)?(?:average|mean)\s+(?:total\s+)?(?:value|amount|total|worth|size)\s+(?:of|per)\s+(?:an?\s+|the\s+|all\s+|each\s+)?"
)
_PER = re.compile(
    r"\b(?:the\s+)?(?:average|mean)\s+((?:total\s+|number\s+of\s+|count\s+of\s+)?(?:[^\W\d_][\w-]*\s+){1,4}?)"
    r"(?:(?:made|placed|booked|bought|sold|received|written)\s+)?(?:per|(?:for|of|by|from|in)\s+each|by\s+every)\s+(?:single\s+)?"
)
_EACH = re.compile(
    r"\bhow\s+many\s+((?:[^\W\d_][\w-]*\s+){1,3}?)(?:does|do|did|has|have)\s+(?:each|every|an?|the\s+average|the\s+typical)\s+(?:average\s+)?"
)
_AMOUNT = re.compile(r"\b(?:amounts?|money|sums?)\s+(?:of\s+money\s+)?(?=spen[dt]\b)")
_COUNTED = re.compile(r"^(?:number|count)\s+of\b")
_CLEAR = 0.7
_OF_LINES, _OF_GROUPS, _SPENDING = 0.95, 0.9, 1.3


@dataclass(frozen=True, slots=True)
class Nested:
    """An average over groups, at characters [start, end) of the question; each reading has a measure and a key."""

    start: int
    end: int
    slot: Slot


def read_nested(text: str, terms: Terms, topic: Topic) -> Nested | None:
    """The average over groups that a question in lower case asks for; None where it asks for none."""
    return _value(text, terms) or _per(text, terms, topic)


def _value(text: str, terms: Terms) -> Nested | None:
    """ "average order value", where the value of an order is the sum of its lines."""
    match = _VALUE.search(text)
    phrase, end = (match[1].strip(), match.end()) if match else ("", 0)
    if match is None:
        match = _VALUE_OF.search(text)
        phrase, end = phrase_at(text, match.end(), most=2) if match else ("", 0)
    if match is None or not phrase:
        return None
    view, slot = terms.lexicon.view, []
    for thing in terms.things(phrase)[:2]:
        for product in terms.sums.products:
            refers = any(k.table == product.table and k.ref_table == thing.table for k in view.schema.foreign_keys)
            if thing.score >= _CLEAR and refers:
                slot += _with_key(exp.Sum(this=product.expressions[0].copy()), thing, product.score * _OF_LINES, terms)
    return Nested(match.start(), end, slot) if slot else None


def _per(text: str, terms: Terms, topic: Topic) -> Nested | None:
    """ "average spend per member", "average number of bookings per class"."""
    match = _PER.search(text)
    phrase = match[1].strip() if match else ""
    if match is None and re.search(r"\baverage\b", text):
        match = _EACH.search(text)
        phrase = f"number of {match[1].strip()}" if match else ""
    if match is None or not (_COUNTED.match(phrase) or SOLD.search(phrase) or phrase.startswith("total ")):
        return None
    named, end = phrase_at(text, match.end(), most=3)
    things = [thing for thing in terms.things(named)[:2] if thing.score >= _CLEAR]
    phrase = _AMOUNT.sub("", phrase)
    whole = phrase if _COUNTED.match(phrase) or phrase.startswith("total ") else f"total {phrase}"
    measures = [t for t in terms.read(whole, topic) if t.kind == "measure" and t.table not in {x.table for x in things}]
    # What each one spends is a sum, while an average amount per customer may be one of all rows.
    factor = _SPENDING if SPENT.search(phrase) else _OF_GROUPS
    slot = [
        one
        for measure in measures[:3]
        for thing in things
        for one in _with_key(measure.expressions[0], thing, min(measure.score * factor, 1.0), terms)
    ]
    return Nested(match.start(), end, slot) if slot else None


def _with_key(measure: exp.Expression, thing: Term, score: float, terms: Terms) -> Slot:
    key = terms.key(terms.lexicon.view.table_index[thing.table])
    if key is None or not has_aggregate(measure):
        return []
    return [replace(thing, score=score * thing.score, expressions=(measure.copy(), key), kind="nested")]


def nested_plan(choice: Choice, groups: list[Output], where: tuple[exp.Expression, ...]) -> Plan:
    """The average of the measure over all keys, for each group where there are groups."""
    measure, key = choice.targets[0].expressions
    shown = [one for output in groups for one in output.shown]
    keys = [one for output in groups for one in output.keys]
    tables = tuple(dict.fromkeys([choice.targets[0].table, *choice.needed]))
    inner = Plan((*shown, measure), tables, where=where, group=(*keys, *(one for one in shown if one not in keys), key))
    outer = tuple(_output(number + 1) for number in range(len(shown)))
    average = exp.Avg(this=_output(len(shown) + 1))
    return Plan((*outer, average), group=outer, source=inner)


def _output(number: int) -> exp.Column:
    return exp.Column(this=exp.to_identifier(f"c{number}"), table=exp.to_identifier(SOURCE))
