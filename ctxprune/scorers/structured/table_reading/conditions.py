"""Conditions of a question that a cell either fulfils or not: a bound, an equal value, a text that stands in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.scorers.structured.table_reading.headers import nearness
from ctxprune.scorers.structured.table_reading.matches import NAMED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.asked import Asked
    from ctxprune.scorers.structured.table_reading.question_form import Condition
    from ctxprune.scorers.structured.table_reading.reading import TableReading

__all__ = ["find_fulfilled"]


def find_fulfilled(asked: Asked) -> list[NDArray[np.bool_]]:
    """For each condition of the question the cells that fulfil it, bool (n_rows, n_columns).

    A value is about one column: of those of its kind and unit that hold such values the one that is named beside it, or
    the only one. Where several may be meant, and where every row or none fulfils it, it is no condition.
    """
    values = [_find_values(condition, asked.reading) for condition in (*asked.form.conditions, *asked.form.equal)]
    found = [*values, *_find_texts(asked)]
    # What no row or every row fulfils tells nothing apart.
    return [cells for cells in found if cells.any() and not cells.any(axis=1).all()]


def _find_values(condition: Condition, reading: TableReading) -> NDArray[np.bool_]:
    inside = condition.holds(reading.low, reading.high)
    columns = np.zeros(len(reading.kinds), dtype=np.bool_)
    for column, kind in enumerate(reading.kinds):
        timed = kind in ("year", "date")
        columns[column] = kind != "text" and timed == condition.dated and inside[:, column].any()
    signed = columns & np.array([bool(condition.sign) and sign == condition.sign for sign in reading.signs], np.bool_)
    return inside & _choose_column(signed if signed.any() else columns, condition, reading)


def _choose_column(columns: NDArray[np.bool_], condition: Condition, reading: TableReading) -> NDArray[np.bool_]:
    """Of these columns the one that is named beside the value, or the only one; none where several may be meant."""
    named = np.zeros(len(columns))
    for column, header in enumerate(reading.headers):
        named[column] = max((nearness(term, condition.nouns) for term in header), default=0.0)
    # Two columns that fit equally well: better no condition than the wrong one.
    best = columns & (named == named[columns].max(initial=0.0))
    return best if best.sum() == 1 else np.zeros_like(columns)


def _find_texts(asked: Asked) -> list[NDArray[np.bool_]]:
    """Cells of text that stand in the question; columns that hold the same ones make one condition."""
    reading, matches = asked.reading, asked.matches
    named = (matches.cell > NAMED) & (matches.phrase > 0) & ~np.isfinite(reading.low)
    columns_of: dict[str, set[int]] = {}
    for row, column in np.argwhere(named):
        cells = reading.columns[column]
        columns_of.setdefault(cells.folded[cells.places[row]], set()).add(int(column))
    groups: list[set[int]] = []
    for columns in columns_of.values():
        joined = [group for group in groups if group & columns]
        groups = [group for group in groups if not group & columns] + [columns.union(*joined)]
    return [named & np.isin(np.arange(named.shape[1]), sorted(group)) for group in groups]
