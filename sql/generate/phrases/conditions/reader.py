"""Runs all readers of conditions over one question."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from .clauses import Clause, Conditions
from .dates import read_dates
from .inputs import Inputs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ....schema.hits import RangeHit, ValueHit
    from ....schema.schema import ColumnRef
    from ...sketch.view import SchemaView

__all__ = ["read_all", "read_conditions"]


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
    clauses, problems = read_dates(inputs)
    return Conditions(tuple(_disjoint(clauses)), tuple(dict.fromkeys(problems)))


def _disjoint(clauses: Sequence[Clause]) -> list[Clause]:
    """The longest spans first; of those that overlap the shorter ones are dropped."""
    kept: list[Clause] = []
    for clause in sorted(clauses, key=lambda one: (one.start - one.end, one.start)):
        if all(clause.end <= other.start or other.end <= clause.start for other in kept):
            kept.append(clause)
    return sorted(kept, key=lambda one: one.start)
