"""Conditions that are alternatives of each other: "serve Italian food or are located in New York"."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .conditions import Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .conditions import Clause

__all__ = ["alternatives", "with_patterns"]

_OR = re.compile(r"^[^.?!;]{0,40}\bor\b[^.?!;]{0,40}$")
_LIKE = re.compile(r"\bLIKE\b|\bwild-?\s?cards?\b|\bpartial match|\bsubstring")
_MOST = 6
_LEAST = 0.85


def with_patterns(clauses: Sequence[Clause], evidence: str) -> list[Clause]:
    """Values as parts of texts where the evidence asks for LIKE or wildcards."""
    if not _LIKE.search(evidence):
        return list(clauses)
    return [
        replace(clause, options=tuple(replace(option, test=_pattern(option)) for option in clause.options))
        for clause in clauses
    ]


def _pattern(option: Option) -> Any:
    value = option.test.args.get("expression")
    if option.kind != "value" or not isinstance(option.test, exp.EQ) or not isinstance(value, exp.Literal):
        return option.test
    if not value.is_string:
        return option.test
    lowered = exp.Lower(this=option.test.this.copy())
    return exp.Like(this=lowered, expression=exp.Literal.string(f"%{value.name.lower()}%"))


def alternatives(text: str, clauses: Sequence[Clause]) -> list[tuple[Option, ...]]:
    """The readings of each condition; of those with "or" between them, one for both, and none for the second.

    The list is as long as `clauses`, so that the numbers of the clauses stay: a condition that was taken into the one
    before is always true.
    """
    found: list[tuple[Option, ...]] = []
    joined: int | None = None
    for number, clause in enumerate(clauses):
        between = text[clauses[number - 1].end : clause.start].lower() if number else ""
        if number and _OR.match(between) and " and " not in between:
            first = joined if joined is not None else number - 1
            found[first] = _either(found[first], clause.options)
            found.append((Option(1.0, exp.true(), (), "value"),))
            joined = first
            continue
        joined = None
        found.append(_raised(clause.options[:_MOST]))
    return found


def _raised(options: Sequence[Option]) -> tuple[Option, ...]:
    """The best reading of a condition that is read at all is a good one, however little its own score says."""
    factor = max(_LEAST / options[0].score, 1.0) if options[0].score > 0 else 1.0
    return tuple(replace(option, score=min(option.score * factor, 1.0)) for option in options)


def _or(left: exp.Expression, right: exp.Expression) -> Any:
    return exp.or_(left.copy(), right.copy())


def _either(left: Sequence[Option], right: Sequence[Option]) -> tuple[Option, ...]:
    pairs = [
        Option(
            (one.score * other.score) ** 0.5,
            _or(one.test, other.test),
            tuple(dict.fromkeys([*one.tables, *other.tables])),
            one.kind,
        )
        for one in left[:3]
        for other in right[:3]
    ]
    return tuple(sorted(pairs, key=lambda option: -option.score)[:_MOST])
