"""Comparisons of two groups: "how many more A than B", "the difference between A and B", "compare A with B"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .conditions import Clause, Option

__all__ = ["Contrast", "find_contrast", "merge_equal", "read_apart"]

_MORE = re.compile(r"\bhow\s+(?:many|much)\s+(more|fewer|less)\b(?=.{3,120}?\bthan\b)")
_DIFFERENCE = re.compile(
    r"\b(?:the\s+)?(?:absolute\s+)?(?:difference|gap)\s+(?:(?:between|of|in)\s+)?(?:the\s+)?"
    r"|\s+(?:difference|gap)\b(?=\s+between\b)"
)
_EXCEEDS = re.compile(r"^\W*by\s+how\s+(?:much|many)\s+(?:do|does|did|is|are)\s+(?:the\s+)?")
_CHANGE = re.compile(
    r"\b(?:the\s+)?(?:(?P<percent>percent(?:age)?|relative)\s+)?(?:change|increase|growth|decrease|decline|rise|drop)\s+"
    r"(?:in\s+|of\s+)(?:the\s+)?(?=.{3,120}?\b(?:from|between)\b)"
)
_RATIO = re.compile(r"\s+ratio\b(?!\s+(?:of|between)\s)")
_COMPARED = re.compile(r"^\W*(?:please\s+)?compare\b|\bcompared\s+(?:to|with)\b|\bversus\b|\bvs\b")
_LISTED = re.compile(r"\brespectively\b|\beach\b|\bhow\s+many\b.{3,80}\bhow\s+many\b")
_BETWEEN = re.compile(r"\b(?:between|from)\b(?=.{3,80}\b(?:and|to)\b)")
_JOINT = re.compile(
    r"\s*,?\s+(?:and|or|to|than|versus|vs\.?|compared\s+(?:to|with)|over)\s+(?:(?:in|the|those|that|of|from|for|by|with|during)\s+){0,3}"
)
_NEAR = 90  # characters between the two groups


@dataclass(frozen=True, slots=True)
class Contrast:
    """Two groups that a question compares.

    Attributes:
        form: "minus", "change" (minus, by the first, times 100), "quotient" or "beside".
        clauses: The conditions of the question, those of the two groups apart.
        first, second: Numbers of the conditions of the groups; the result is the first less, or by, the second.
        spans: Characters [start, end) of the words that only ask for the comparison.
        sure: Whether the question asks for nothing else.
    """

    form: str
    clauses: tuple[Clause, ...]
    first: int
    second: int
    spans: tuple[tuple[int, int], ...] = ()
    sure: bool = True


def read_apart(question: str, text: str) -> str:
    """The question in which two periods that are compared do not read as one: "from 2020 to 2021".

    Characters keep their places.

    Args:
        question: As asked.
        text: The same in lower case.
    """
    if not (_CHANGE.search(text) or _DIFFERENCE.search(text) or _MORE.search(text)):
        return question
    match = _BETWEEN.search(text)
    if match is None:
        match = re.search(r"()(?=\b(?:in|during)\s+\S+\s+(?:and|than)\b)", text)
    joint = re.compile(r"\s(?:and|to|than)\s").search(text, match.end()) if match is not None else None
    if match is None or joint is None:
        return question
    word = "in".ljust(match.end() - match.start()) if match.end() > match.start() else ""
    return (
        f"{question[: match.start()]}{word}{question[match.end() : joint.start()]}"
        f"{' ;'.ljust(joint.end() - joint.start())}{question[joint.end() :]}"
    )


def find_contrast(text: str, clauses: Sequence[Clause]) -> Contrast | None:
    """The comparison of two groups that a question in lower case asks for; None where it compares none."""
    parted = [part for clause in clauses for part in _parted(clause, text)]
    pair = _pair(parted, text)
    if pair is None:
        return None
    first, second = pair
    return _form(text, Contrast("", tuple(parted), first, second))


def _form(text: str, found: Contrast) -> Contrast | None:
    """The comparison with what it asks for; None where two groups only stand side by side."""
    first, second = pair = found.first, found.second
    if match := _MORE.search(text):
        flipped = match[1] != "more"
        spans = ((match.start(1), match.end(1)),)
        return replace(found, form="minus", spans=spans, first=pair[flipped], second=pair[not flipped])
    if match := _CHANGE.search(text):
        form = "change" if match["percent"] else "minus"
        return replace(found, form=form, first=second, second=first, spans=(match.span(),))
    if (match := _EXCEEDS.search(text)) or (match := _DIFFERENCE.search(text)):
        return replace(found, form="minus", spans=(match.span(),))
    between = text[found.clauses[first].end : found.clauses[second].start]
    if (match := _RATIO.search(text)) and re.fullmatch(r"[\s-]+(?:to|over|versus|vs)[\s-]+", between):
        return replace(found, form="quotient", spans=(match.span(),))
    sure = bool(_COMPARED.search(text) or _LISTED.search(text))
    return replace(found, form="beside", sure=sure) if sure or " and " in between else None


def _pair(clauses: Sequence[Clause], text: str) -> tuple[int, int] | None:
    """The first two conditions near each other that are two values, or two periods, of one column."""
    for number, clause in enumerate(clauses[:-1]):
        for other in (number + 1, number + 2):
            if other >= len(clauses) or clauses[other].start - clause.end > _NEAR:
                continue
            if _alike(clause.options, clauses[other].options) and "." not in text[clause.end : clauses[other].start]:
                return number, other
    return None


def _alike(one: Sequence[Option], other: Sequence[Option]) -> bool:
    left, right = one[0], other[0]
    if left.kind != right.kind or left.kind not in {"value", "date", "boolean", "comparison", "id"}:
        return False
    if left.kind == "comparison" and not all(isinstance(x.test, exp.EQ) for x in (left, right)):
        return False
    return _columns(left.test) & _columns(right.test) != set() and left.test.sql() != right.test.sql()


def _columns(test: exp.Expression) -> set[str]:
    return {node.sql() for node in test.find_all(exp.Column)}


def _parted(clause: Clause, text: str) -> list[Clause]:
    """A condition on two values as one on each: "male and female"."""
    test = clause.options[0].test
    if not isinstance(test, exp.In) or len(test.expressions) != 2:
        return [clause]
    joint = _JOINT.search(text, clause.start, clause.end)
    if joint is None:
        return [clause]
    halves = []
    for place, (start, end) in enumerate(((clause.start, joint.start()), (joint.end(), clause.end))):
        options = tuple(
            replace(option, test=exp.EQ(this=option.test.this.copy(), expression=option.test.expressions[place].copy()))
            for option in clause.options
            if isinstance(option.test, exp.In) and len(option.test.expressions) == 2
        )
        halves.append(replace(clause, start=start, end=end, options=options))
    return halves


def merge_equal(tests: Sequence[exp.Expression]) -> list[exp.Expression]:
    """Tests without contradictions: one column that equals two values is in either of them."""
    found: list[exp.Expression] = []
    for test in tests:
        same = next(
            (n for n, one in enumerate(found) if _equals(one) and _equals(test) and one.this == test.this), None
        )
        if same is None or found[same] == test:
            found.append(test)
        else:
            values = [found[same].expression.copy(), test.expression.copy()]
            found[same] = exp.In(this=test.this.copy(), expressions=values)
    return found


def _equals(test: exp.Expression) -> bool:
    return isinstance(test, exp.EQ) and isinstance(test.expression, exp.Literal)
