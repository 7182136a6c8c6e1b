"""The columns along which a question asks for an extreme, and in which direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.scorers.structured.table_reading.column_names import NAMING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.question_form import QuestionForm
    from ctxprune.scorers.structured.table_reading.reading import TableReading

__all__ = ["find_ordered_columns"]


def find_ordered_columns(form: QuestionForm, reading: TableReading, named: NDArray[np.float64]) -> list[int]:
    """The columns along which an extreme is asked for: of those with values the ones named, else those of the kind.

    `named`, float64 (n_columns,), says 0..1 how well the question names each column.
    """
    if not form.extremes:
        return []
    valued = [column for column, kind in enumerate(reading.kinds) if kind not in ("text", "day")]
    # A column that the question names decides; its kind is only a guess.
    best = [column for column in valued if named[column] >= NAMING]
    if best:
        return best
    # "First" and "last" are about time where the table has any.
    timed = [column for column in valued if reading.kinds[column] in ("year", "date")]
    return timed if form.extremes & {"first", "last"} and timed else valued
