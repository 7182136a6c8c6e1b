"""Words that say on which side of a year or day something lies: "since 2020" has no end, "until 2020" no beginning."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from .cues import cue_class
from .periods import is_year
from .query import Query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .analysis import Analysis
    from .query import Condition, Literal

__all__ = ["read_bounds", "with_bounds"]

_BEFORE = tuple(
    (re.compile(rf"\b(?:{words})(?: the)?(?: year)?$"), op)
    for words, op in (
        (r"since(?: the (?:start|beginning) of)?|(?:in|on) or after|starting (?:in|from|on)", ">="),
        (r"(?:until|till|up to)(?: the end of)?|(?:in|on) or before", "<="),
        ("after|later than", ">"),
        ("before|earlier than|prior to", "<"),
    )
)
_AFTER = (  # "and before" may go on with another day
    (re.compile(r"(?:or|and) (?:later\b|after$)"), ">="),
    (re.compile(r"(?:or|and) (?:earlier\b|before$)"), "<="),
)
_ONWARDS = re.compile(r"on(?:wards?)?\b")
_COMPARED = ("=", "<", ">", "<=", ">=")


def read_bounds(analysis: Analysis) -> dict[Literal, str]:
    """How a year or day of the question is compared, by its value, where words right beside it say so.

    {} for a question with a negation, which may turn the words round.
    """
    words = [token.text for token in analysis.tokens]
    # "not before 2020" means the opposite of what stands beside the year.
    if any(cue_class(word) == "NOT" for word in words):
        return {}
    found: dict[Literal, str] = {}
    for value in analysis.values:
        if value.kind == "date" or is_year(value.value):
            op = _said(" ".join(words[: value.start]), " ".join(words[value.end :]))
            if op:
                found[value.value] = op
    return found


def _said(before: str, after: str) -> str:
    if before.endswith("from") and _ONWARDS.match(after):
        return ">="
    ways = [op for pattern, op in _AFTER if pattern.match(after)]
    return next(iter(ways + [op for pattern, op in _BEFORE if pattern.search(before)]), "")


def with_bounds(query: Query, said: Mapping[Literal, str]) -> Query:
    """`query`, and the queries inside it, with the comparisons that the question says."""
    if not said:
        return query
    where = tuple(_compared(condition, said) for condition in query.where)
    right = None if query.right is None else with_bounds(query.right, said)
    return replace(query, where=where, right=right)


def _compared(condition: Condition, said: Mapping[Literal, str]) -> Condition:
    value = condition.value
    if isinstance(value, Query):
        return replace(condition, value=with_bounds(value, said))
    if value is None or isinstance(value, tuple) or condition.op not in _COMPARED or condition.item.agg:
        return condition
    return replace(condition, op=said.get(value, condition.op))
