"""What a question needs of a table: the columns that it is about and the rows without which it has no answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.scorers.structured.table_reading.asked import ask
from ctxprune.scorers.structured.table_reading.conditions import find_fulfilled
from ctxprune.scorers.structured.table_reading.orders import find_extreme_rows
from ctxprune.scorers.structured.table_reading.question_form import directions, find_extremes
from ctxprune.text.words import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.asked import Asked
    from ctxprune.scorers.structured.table_reading.reading import TableReading

__all__ = ["QuestionDemand", "find_demand"]

_NAMED = 0.5
_SUMS = ("aggregate", "count")
_TIMED = ("year", "date")
_FEW = 2  # rows of extremes that are sure to be meant; more of them leave no room for others


@dataclass(frozen=True, slots=True)
class QuestionDemand:
    """What a question needs of a table.

    Attributes:
        kind: One of `KINDS`.
        columns: Indices of the columns it names or asks to compare, rising.
        shown_columns: Indices of the columns without which an answer cannot be seen to be right, rising: those that it
            names where it asks for a sum or a difference, along which it asks for an extreme, and in which its
            conditions are met.
        all_rows: Whether every row counts for the answer, so that none may be dropped: a total, an average or a count,
            where the question names nothing that only some rows hold, an extreme included ("at the last game").
        extreme_rows: Indices of rows that hold the extremes it asks for in these columns, rising; () for others.
        matching_rows: Indices of the rows that fulfil most of its conditions, rising; () without conditions, and where
            rows beside them, or all others, are asked for.
    """

    kind: str
    columns: tuple[int, ...]
    shown_columns: tuple[int, ...]
    all_rows: bool
    extreme_rows: tuple[int, ...]
    matching_rows: tuple[int, ...]

    @property
    def rows(self) -> tuple[int, ...]:
        """Indices of the rows that it needs together, where not all of them: those that fulfil its conditions, else
        those of an extreme, if they are few."""
        # Many rows with one extreme value are ties in a column of few values, hardly what is asked for.
        few = self.kind in ("superlative", *_SUMS) and len(self.extreme_rows) <= _FEW
        return self.matching_rows or (self.extreme_rows if few else ())


def find_demand(query: str, reading: TableReading) -> QuestionDemand:
    """What `query` needs of a table."""
    asked = ask(query, reading)
    form, named, ordering = asked.form, asked.named, _find_ordering(asked)
    sums_up = form.kind in _SUMS and bool(reading.shape[0])
    extremes = {
        row
        for column in ordering
        if named[column] >= _NAMED or (sums_up and reading.kinds[column] in _TIMED)
        for most in directions(form, reading.kinds[column])
        for row in find_extreme_rows(reading, column, most=most)
    }
    conditions = find_fulfilled(asked)
    fulfilling = [cells.any(axis=1) for cells in conditions]
    # Rows that fulfil most conditions, not all: one condition of several is often misread.
    met = np.sum(fulfilling, axis=0) if fulfilling else np.zeros(reading.shape[0])
    in_conditions = {int(column) for cells in conditions for _, column in np.argwhere(cells)}
    others_asked = form.other or form.kind == "neighbour"
    matching = np.asarray((met > 0) & (met == met.max(initial=0)) & (not others_asked))
    return QuestionDemand(
        kind=form.kind,
        columns=_list_places(named >= _NAMED),
        shown_columns=tuple(sorted({*_find_summed(asked), *ordering, *in_conditions})),
        all_rows=sums_up and not matching.any() and not _has_filter(asked),
        extreme_rows=tuple(sorted(extremes)),
        matching_rows=_list_places(matching),
    )


def _find_summed(asked: Asked) -> list[int]:
    """Columns whose whole header is in a question for a sum or a difference."""
    if asked.form.kind not in ("aggregate", "difference"):
        return []
    terms = {*asked.terms}
    return [column for column, header in enumerate(asked.reading.headers) if header and terms.issuperset(header)]


def _find_ordering(asked: Asked) -> list[int]:
    """The columns along which an extreme is asked for: those named best, else the only one there is.

    "The total attendance at the last game" sums up what it names, and orders along time.
    """
    form, columns = asked.form, asked.ordering
    if form.kind in _SUMS and form.extremes <= {"first", "last"}:
        columns = [column for column, kind in enumerate(asked.reading.kinds) if form.extremes and kind in _TIMED]
    named = [asked.named[column] for column in columns]
    if max(named, default=0.0) >= _NAMED:
        return [column for column in columns if asked.named[column] == max(named)]
    return columns if len(columns) == 1 else []


def _list_places(mask: NDArray[Any]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(mask).tolist())


def _has_filter(asked: Asked) -> bool:
    """Whether something in the question tells rows apart; an extreme that is in a header's name does not."""
    matches, unnamed = asked.matches, asked.form.folded
    # "The most recent result" is no extreme where a column is called that.
    for header in filter(None, (" ".join(fold(text).split()) for text in asked.reading.grid.header)):
        unnamed = re.sub(rf"\b{re.escape(header)}\b", " ", unnamed)
    found = matches.rare.any() or matches.number.any() or matches.outcome.any()
    return bool(asked.form.conditions or find_extremes(unnamed) or found)
