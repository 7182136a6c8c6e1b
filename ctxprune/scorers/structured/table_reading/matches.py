"""Where cells of a table match the words, numbers and bounds of a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.question_form import Condition, QuestionForm
    from ctxprune.scorers.structured.table_reading.reading import TableReading

__all__ = ["NAMED", "Matches", "find_matches"]

NAMED = 0.99  # of a cell's information in the question: the question names the cell
_SHORTEST = 3  # characters of a cell that is looked for in the question as it stands


@dataclass(frozen=True, slots=True)
class Matches:
    """Matches of a question in the cells.

    Attributes:
        words: float64 (n_rows,), share of the question's information (idf) that a row holds, of what any row holds.
        rare: The same without words that headers or the title hold.
        cell: float64 (n_rows, n_columns), share of a cell's information that the question names.
        phrase: float64 (n_rows, n_columns), share of the question that a cell written out in it takes.
        number: float64 (n_rows, n_columns), 1 where a number or date of the question is meant.
        outcome: float64 (n_rows, n_columns), 1 where a cell says what the question calls winning, losing and the like.
        held: float64 (n_rows,), share of the question's bounds that a row is within; 1 without bounds.
        best: bool (n_rows,), the rows that fit best by all of these together.
    """

    words: NDArray[np.float64]
    rare: NDArray[np.float64]
    cell: NDArray[np.float64]
    phrase: NDArray[np.float64]
    number: NDArray[np.float64]
    outcome: NDArray[np.float64]
    held: NDArray[np.float64]
    best: NDArray[np.bool_]


def find_matches(form: QuestionForm, asked: Iterable[str], reading: TableReading) -> Matches:
    """Look for the terms `asked` and the values of `form` in a table."""
    known = [term for term in asked if term in reading.places]
    rare = _match_words([term for term in known if term not in reading.named], reading)
    cell, phrase = _match_cells(form, known, reading)
    number, outcome, held = (
        _match_numbers(form, reading),
        _match_outcomes(form, reading),
        _share_of_bounds(form, reading),
    )
    # Added up, not multiplied: a question often names by its words what no number of the row says.
    merit = rare + held + number.max(axis=1, initial=0.0) + outcome.max(axis=1, initial=0.0)
    # Rounding must not tell equal rows apart.
    best = merit >= merit.max(initial=0.0) - 1e-9
    return Matches(_match_words(known, reading), rare, cell, phrase, number, outcome, held, best)


def _match_words(terms: list[str], reading: TableReading) -> NDArray[np.float64]:
    """Share of the terms' information that each row holds; zeros without terms."""
    held = np.zeros(reading.shape[0])
    for term in terms:
        held[reading.places.rows(term)] += reading.places.idf(term)
    total = sum(map(reading.places.idf, terms))
    return held / total if total else held


def _match_cells(
    form: QuestionForm, terms: list[str], reading: TableReading
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`Matches.cell` and `Matches.phrase`."""
    cell, phrase = np.zeros(reading.shape), np.zeros(reading.shape)
    for term in terms:
        cell.ravel()[reading.places.find_places(term)] += reading.places.idf(term)
    question = f" {form.folded} "
    for number in np.flatnonzero(cell.any(axis=0)).tolist():
        column = reading.columns[number]
        rows = np.flatnonzero(cell[:, number])
        places = column.places[rows]
        cell[rows, number] /= reading.places.information(number)[places]
        written = np.zeros(len(column.folded))
        for place in np.unique(places).tolist():
            text = column.folded[place]
            if len(text) >= _SHORTEST and text in question:
                written[place] = len(text) / len(question)
        phrase[rows, number] = written[places]
    return cell, phrase


def _match_numbers(form: QuestionForm, reading: TableReading) -> NDArray[np.float64]:
    met = np.zeros(reading.shape, dtype=np.bool_)
    dated = _dated_columns(reading)
    for value in form.values:
        # Dates meet by overlap: "in 1990" is met by "March 1990".
        if value.dated:
            met[:, dated] |= (reading.low[:, dated] < value.high) & (value.low < reading.high[:, dated])
        met[:, ~dated] |= np.abs(reading.low[:, ~dated] - value.low) < 1e-9 * max(abs(value.low), 1.0)
    return met.astype(np.float64)


def _match_outcomes(form: QuestionForm, reading: TableReading) -> NDArray[np.float64]:
    found = np.zeros(reading.shape)
    for text in form.outcomes:
        for place in reading.texts.get(text, ()):
            found[place] = 1.0
    return found


def _share_of_bounds(form: QuestionForm, reading: TableReading) -> NDArray[np.float64]:
    """Share of the bounds that hold: in a column of the kind, of those named beside the bound where there are any."""
    if not form.conditions:
        return np.ones(reading.shape[0])
    shares = np.zeros(reading.shape[0])
    for bound in form.conditions:
        columns = _bounded_columns(bound, reading)
        shares += bound.holds(reading.low[:, columns], reading.high[:, columns]).any(axis=1)
    return shares / len(form.conditions)


def _bounded_columns(bound: Condition, reading: TableReading) -> NDArray[np.bool_]:
    valued = np.array([kind != "text" for kind in reading.kinds], dtype=np.bool_)
    fitting = valued & (_dated_columns(reading) == bound.dated)
    named = np.array([not bound.nouns.isdisjoint(header) for header in reading.headers], dtype=np.bool_)
    both: NDArray[np.bool_] = fitting & named
    return both if both.any() else fitting


def _dated_columns(reading: TableReading) -> NDArray[np.bool_]:
    return np.array([kind in ("year", "date") for kind in reading.kinds], dtype=np.bool_)
