"""Where the words, numbers and bounds of a question meet the cells of a table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .demand import QuestionForm
    from .reading import TableReading

__all__ = ["Matches", "find_matches"]

_SHORTEST = 3  # characters of a cell that is looked for in the question as it stands


@dataclass(frozen=True, slots=True)
class Matches:
    """What of the question is in the cells.

    Attributes:
        words: float64 (n_rows,), share of the question's information (idf) that a row holds, of what any row holds.
        rare: The same without words that headers hold.
        cell: float64 (n_rows, n_columns), share of a cell's information that the question names.
        phrase: float64 (n_rows, n_columns), share of the question that a cell written out in it takes.
        number: float64 (n_rows, n_columns), 1 where a number or date of the question is meant.
        held: float64 (n_rows,), share of the question's bounds that a row is within; 1 without bounds.
    """

    words: NDArray[np.float64]
    rare: NDArray[np.float64]
    cell: NDArray[np.float64]
    phrase: NDArray[np.float64]
    number: NDArray[np.float64]
    held: NDArray[np.float64]


def find_matches(form: QuestionForm, asked: list[str], reading: TableReading) -> Matches:
    """Look for the terms `asked` and the values of `form` in a table."""
    shape = reading.shape
    known = [term for term in asked if term in reading.places]
    in_headers = {term for header in reading.headers for term in header}
    words, rare = np.zeros(shape[0]), np.zeros(shape[0])
    found: dict[tuple[int, int], float] = defaultdict(float)
    for term in known:
        idf = reading.idf[term]
        rows = list({row for row, _ in reading.places[term]})
        words[rows] += idf
        if term not in in_headers:
            rare[rows] += idf
        for place in reading.places[term]:
            found[place] += idf
    total = sum(reading.idf[term] for term in known)
    total_rare = sum(reading.idf[term] for term in known if term not in in_headers)
    cell, phrase = np.zeros(shape), np.zeros(shape)
    question = f" {form.folded} "
    for (row, column), weight in found.items():
        here = reading.cells[row][column]
        cell[row, column] = weight / sum(reading.idf[term] for term in here.terms)
        if len(here.folded) >= _SHORTEST and here.folded in question:
            phrase[row, column] = len(here.folded) / len(question)
    return Matches(
        words / total if total else words,
        rare / total_rare if total_rare else rare,
        cell,
        phrase,
        _numbers(form, reading),
        _held(form, reading),
    )


def _numbers(form: QuestionForm, reading: TableReading) -> NDArray[np.float64]:
    met = np.zeros(reading.shape)
    dated = np.array([kind in ("year", "date") for kind in reading.kinds], dtype=np.bool_)
    for value in form.values:
        if value.dated:
            over = (reading.low[:, dated] < value.high) & (value.low < reading.high[:, dated])
            met[:, dated] = np.maximum(met[:, dated], over)
        same = np.abs(reading.low[:, ~dated] - value.low) < 1e-9 * max(abs(value.low), 1.0)
        met[:, ~dated] = np.maximum(met[:, ~dated], same)
    return met


def _held(form: QuestionForm, reading: TableReading) -> NDArray[np.float64]:
    """A bound holds where any column of its kind is within it."""
    if not form.conditions:
        return np.ones(reading.shape[0])
    dated = np.array([kind in ("year", "date") for kind in reading.kinds], dtype=np.bool_)
    valued = np.array([kind != "text" for kind in reading.kinds], dtype=np.bool_)
    shares = np.zeros(reading.shape[0])
    for bound in form.conditions:
        columns = valued & (dated == bound.dated)
        low, high = reading.low[:, columns], reading.high[:, columns]
        with np.errstate(invalid="ignore"):
            shares += ((low >= bound.low) & (high <= bound.high)).any(axis=1)
    return shares / len(form.conditions)
