"""What a question demands of a table: the columns it names and the rows it cannot do without."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .asked import ask
from .demand import directions
from .orders import extreme_rows

if TYPE_CHECKING:
    from .asked import Asked
    from .reading import TableReading

__all__ = ["QuestionDemand", "demand_of"]

_NAMED = 0.5


@dataclass(frozen=True, slots=True)
class QuestionDemand:
    """What a question demands of a table.

    Attributes:
        kind: One of `KINDS`.
        columns: Indices of the columns it names or asks to compare, rising.
        all_rows: Whether every row counts for the answer, so that none may be dropped: a total, an average or a count,
            where the question names nothing that only some rows hold.
        extreme_rows: Indices of rows that hold the extremes it asks for in these columns, rising; () for others.
    """

    kind: str
    columns: tuple[int, ...]
    all_rows: bool
    extreme_rows: tuple[int, ...]


def demand_of(query: str, reading: TableReading) -> QuestionDemand:
    """What `query` demands of a table."""
    asked = ask(query, reading)
    form, named = asked.form, asked.named
    extremes = {
        row
        for column in asked.ordering
        if named[column] >= _NAMED
        for most in directions(form, reading.kinds[column])
        for row in extreme_rows(reading, column, most=most)
    }
    sums_up = form.kind in ("aggregate", "count") and bool(reading.cells)
    columns = tuple(np.flatnonzero(named >= _NAMED).tolist())
    return QuestionDemand(form.kind, columns, sums_up and not _filters(asked), tuple(sorted(extremes)))


def _filters(asked: Asked) -> bool:
    """Whether something in the question tells rows apart."""
    matches = asked.matches
    return bool(asked.form.conditions or matches.rare.any() or matches.number.any() or matches.outcome.any())
