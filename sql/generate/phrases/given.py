"""What the evidence adds to a question: its terms spelt out, conditions, and formulas by name."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from .conditions import Clause, read_conditions
from .conditions.build import negate
from .definitions import expand
from .evidence import read_knowledge
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


@dataclass(frozen=True)
class Given:
    """What the evidence adds to a question: conditions, and expressions by the stems of their names."""

    clauses: tuple[Clause, ...] = ()
    formulas: Mapping[tuple[str, ...], Term] = field(default_factory=dict)


def with_evidence(text: str, request: Request, terms: Terms, view: SchemaView) -> tuple[str, Request, Given]:
    """The question with the terms of its evidence spelt out, and what else the evidence says."""
    if not request.evidence:
        expanded = expand(text, "")
        moved = _moved(request, expanded) if expanded is not None else request
        return expanded.text if expanded is not None else text, moved, Given()
    topic = find_topic(Mask.of(text).text, terms)
    known = read_knowledge(text, request.evidence, terms, topic)
    expanded = expand(text, request.evidence, known.replaced)
    clauses = []
    for place, option in known.tests:
        where = expanded.place(place) if expanded is not None else place
        clauses.append(Clause(where, where, (option,)))
    moved = _moved(request, expanded) if expanded is not None else request
    text = expanded.text if expanded is not None else text
    clauses += _instructions(known.instructions, len(text), view, request)
    clauses = [one for one in clauses if one.start <= len(text)]
    return text, moved, Given(tuple(clauses), known.formulas)


def _moved(request: Request, expanded: Expanded) -> Request:
    return replace(request, hits=expanded.moved(request.hits), ranges=expanded.moved(request.ranges))


def _instructions(sentences: Sequence[Sentence], end: int, view: SchemaView, request: Request) -> list[Clause]:
    """Conditions that the evidence orders: "exclude cancelled orders", "only count delivered ones"."""
    found = []
    for one in sentences:
        offset = len(request.question) + 1 + one.start
        inside = (offset, offset + one.end - one.start)
        clauses = read_conditions(
            request.evidence[one.start : one.end],
            view,
            hits=_within(request.hits, inside),
            ranges=_within(request.ranges, inside),
            today=request.today,
            samples=request.samples,
        )
        for clause in clauses:
            options = clause.options
            if one.left_out:
                options = tuple(replace(option, test=negate(option.test.copy())) for option in options)
            found.append(Clause(end, end, options))
    return found


def _within(hits: Sequence[Any], inside: tuple[int, int]) -> list[Any]:
    """Hits whose words stand between two places, with their places counted from the first."""
    start, end = inside
    return [
        replace(hit, span=(hit.span[0] - start, hit.span[1] - start))
        for hit in hits
        if start <= hit.span[0] and hit.span[1] <= end
    ]
