"""What the evidence adds to a question: its terms spelt out, conditions, and formulas by name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .choices import COMPARE
from .conditions import Clause, Option, read_conditions
from .conditions.build import negate
from .definitions import expand
from .evidence import find_name, read_knowledge
from .plan import tables_of
from .rates import spell_out_rates
from .scan import Mask
from .topic import find_topic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..base import Request
    from ..sketch.view import SchemaView
    from .definitions import Expanded
    from .evidence import Sentence
    from .term import Term
    from .terms import Terms

__all__ = ["Given", "with_evidence"]

_AFTER = re.compile(
    r"\s+(?:(?:is|are|of|was|that\s+is)\s+)?(?:(?P<more>above|over|exceeding|more\s+than|greater\s+than|higher\s+than)|"
    r"(?P<least>at\s+least)|(?P<less>below|under|less\s+than|lower\s+than)|(?P<most>at\s+most|up\s+to))\s+[$€£]?"
    r"(?P<number>-?\d[\d,]{0,12}(?:\.\d{1,6})?)(?![\d%])",
    re.IGNORECASE,
)
_OPS = {">": "more", ">=": "least", "<": "less", "<=": "most"}
_BEFORE = re.compile(r"\b(negative|positive)\s+$", re.IGNORECASE)


@dataclass(frozen=True)
class Given:
    """What the evidence adds to a question: conditions, and expressions by the stems of their names."""

    clauses: tuple[Clause, ...] = ()
    formulas: Mapping[tuple[str, ...], Term] = field(default_factory=dict)


def with_evidence(text: str, request: Request, terms: Terms, view: SchemaView) -> tuple[str, Request, Given]:
    """The question with the terms of its evidence spelt out, and what else the evidence says."""
    if not request.evidence:
        expanded = expand(text, "", spell_out_rates(text, terms))
        moved = _moved(request, expanded) if expanded is not None else request
        return expanded.text if expanded is not None else text, moved, Given()
    topic = find_topic(Mask.of(text).text, terms)
    reader = _EvidenceReader(view, request)
    known = read_knowledge(text, request.evidence, terms, topic, reader.read)
    expanded = expand(text, request.evidence, known.replaced)
    clauses = []
    for place, options in known.tests:
        where = expanded.place(place) if expanded is not None else place
        clauses.append(Clause(where, where, options))
    moved = _moved(request, expanded) if expanded is not None else request
    text = expanded.text if expanded is not None else text
    clauses += _instructions(known.instructions, len(text), reader)
    clauses = [one for one in clauses if one.start <= len(text)]
    clauses += _compared(text, known.formulas)
    return text, moved, Given(tuple(clauses), known.formulas)


def _compared(text: str, formulas: Mapping[tuple[str, ...], Term]) -> list[Clause]:
    """Conditions on a formula: "a margin above 20", "a negative margin"."""
    found = []
    for name, term in formulas.items():
        place = find_name(" ".join(name), text) if term.kind == "column" else None
        if place is None:
            continue
        after, before = _AFTER.match(text, place[1]), _BEFORE.search(text[: place[0]])
        number = after["number"].replace(",", "") if after else "0"
        if after is None and before is None:
            continue
        op = (
            next(op for op in _OPS if after[_OPS[op]])
            if after
            else "<"
            if before and before[1].lower() == "negative"
            else ">"
        )
        test: Any = COMPARE[op](this=term.expressions[0].copy(), expression=exp.Literal.number(number))
        start = before.start() if before and not after else place[0]
        option = Option(1.0, test, tuple(tables_of([test])), "comparison")
        found.append(Clause(start, after.end() if after else place[1], (option,)))
    return found


def _moved(request: Request, expanded: Expanded) -> Request:
    return replace(request, hits=expanded.moved(request.hits), ranges=expanded.moved(request.ranges))


def _instructions(sentences: Sequence[Sentence], end: int, reader: _EvidenceReader) -> list[Clause]:
    """Conditions that the evidence orders: "exclude cancelled orders", "only count delivered ones"."""
    found = []
    for one in sentences:
        for clause in reader.read("", one.start, one.end):
            options = clause.options
            if one.left_out:
                options = tuple(replace(option, test=negate(option.test.copy())) for option in options)
            found.append(Clause(end, end, options))
    return found


@dataclass(frozen=True)
class _EvidenceReader:
    """Reads conditions in the evidence of one request."""

    view: SchemaView
    request: Request

    def read(self, noun: str, start: int, end: int) -> list[Clause]:
        """Conditions in characters [start, end) of the evidence, as if `noun` stood before them."""
        offset = len(self.request.question) + 1 + start
        inside = (offset, offset + end - start)
        before = len(noun) + 1 if noun else 0
        return read_conditions(
            f"{noun} {self.request.evidence[start:end]}" if noun else self.request.evidence[start:end],
            self.view,
            hits=_within(self.request.hits, inside, before),
            ranges=_within(self.request.ranges, inside, before),
            today=self.request.today,
            samples=self.request.samples,
        )


def _within(hits: Sequence[Any], inside: tuple[int, int], before: int) -> list[Any]:
    """Hits whose words stand between two places, with their places counted from `before` on."""
    start, end = inside
    return [
        replace(hit, span=(hit.span[0] - start + before, hit.span[1] - start + before))
        for hit in hits
        if start <= hit.span[0] and hit.span[1] <= end
    ]
