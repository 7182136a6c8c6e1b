"""Conditions of a question that a row either fulfils or not: a bound, an equal value, a text that it names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.scorers.structured.table_reading.column_names import NAMING, name_strengths
from ctxprune.scorers.structured.table_reading.dates import MONTHS
from ctxprune.scorers.structured.table_reading.headers import nearness
from ctxprune.scorers.structured.table_reading.measures import find_measured
from ctxprune.scorers.structured.table_reading.named_cells import find_named_cells
from ctxprune.scorers.structured.table_reading.superlatives import comparative_measures, find_superlatives
from ctxprune.text.words import STOP_WORDS, stem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.asked import Asked
    from ctxprune.scorers.structured.table_reading.named_cells import NamedCells
    from ctxprune.scorers.structured.table_reading.question_form import Condition
    from ctxprune.scorers.structured.table_reading.reading import TableReading

__all__ = ["Filter", "find_filters", "find_value_filters"]

_SHORT = 0.8  # weight of a condition that is read from an abbreviation
_UNSURE = 0.5  # weight of a condition that may be another
_WORD = 0.4  # weight of a word that some rows hold
_COMPARED = 0.3  # weight of a row with which others are compared
_HELD_BY = 0.4  # of the rows at most hold a word that tells rows apart
# "Do not have an elevation above 3,100": a bound further on; "not above 3,100" is a bound of its own.
_NEGATED_BOUND = re.compile(
    r"(?:\b(?:not|never)|n't)\s+(?!(?:more|less|fewer|over|under|above|below|exceeding)\b)(?:\w+\s+){1,5}"
    r"(?:more|less|fewer|over|under|above|below|at least|at most|exceed)\b"
)
_MONTH = 1 / 13  # of a year: less than any month
_LARGE = 100  # a number that is no mere number of things
_FADES = 0.2  # by which a name counts less for each word between it and a value
_ZERO = frozenset(("no", "without", "zero", "lacks", "lack"))
_YES = (frozenset(("yes", "true", "y", "t", "1")), frozenset(("no", "false", "n", "f", "0")))
_NO = frozenset(("not", "no", "non", "without", "never", "isn", "aren", "wasn", "weren"))


@dataclass(frozen=True)
class Filter:
    """One condition.

    Attributes:
        columns: Indices of the columns in which it is met, rising; of one with weight 0 those that may be meant.
        rows: bool (n_rows,), those that fulfil it.
        weight: 1 for one that is sure, less for one that may be misread, 0 for one of which the column is not known.
        bounded: Whether it is a bound ("more than 5").
    """

    columns: tuple[int, ...]
    rows: NDArray[np.bool_]
    weight: float = 1.0
    bounded: bool = False


def find_filters(asked: Asked, values: list[Filter]) -> list[Filter]:
    """The conditions of a question that some rows fulfil and others not; `values` are those of `find_value_filters`.

    What no row or every row fulfils tells nothing apart.
    """
    texts, used = _filter_texts(asked)
    found = [*values, *texts, *_filter_months(asked), *_filter_flags(asked), *_filter_words(asked, used)]
    return [one for one in found if one.weight and one.rows.any() and not one.rows.all()]


def find_value_filters(asked: Asked) -> list[Filter]:
    """What the question says of numbers and days, whether rows fulfil it or not.

    A value is about one column: of those of its kind and unit that hold such values the one that is named beside it, or
    the only one; where several may be meant it is unsure. A bound is about no key, and what something costs, weighs and
    the like is about columns that are named so; where there are none, it decides about no rows.
    """
    return list(_filter_values(asked))


def _filter_values(asked: Asked) -> Iterator[Filter]:
    reading, bounds = asked.reading, asked.form.conditions
    negated = len(bounds) == 1 and _NEGATED_BOUND.search(asked.form.folded) is not None
    ranks = {superlative.rank_place for superlative in find_superlatives(asked.words.folded)}
    # "The top 5" says nothing about a 5 in the table.
    equal = [condition for condition in asked.form.equal if condition.place not in ranks]
    for condition in (*bounds, *equal):
        bounded = condition.low != condition.high and condition in bounds
        inside = condition.holds(reading.low, reading.high)
        if condition.dated and not bounded:
            # A year holds the month that is asked for.
            inside |= (reading.low <= condition.low) & (reading.high >= condition.high)
        measured = find_measured(condition, asked, bounded=bounded)
        fitting = _fitting_columns(condition, inside, measured.columns, reading)
        best = _choose_columns(fitting, condition, asked)
        doubtful = 1.0
        if bounded and not (measured.unclear or best.any()):
            # Only a key holds such values ("orders over 10400"): it may be meant.
            fitting = _fitting_columns(condition, inside, np.ones_like(measured.columns), reading)
            best, doubtful = _choose_columns(fitting, condition, asked), _UNSURE
        if measured.unclear or not best.any():
            # No row can be told to fulfil it: what may be meant is shown, and the reader decides.
            likely = _places(measured.columns) if measured.unclear else ()
            yield Filter(likely, np.zeros(len(inside), dtype=np.bool_), 0.0, bounded)
            continue
        rows = np.asarray((inside & best).any(axis=1))
        if negated and bounded:
            rows = ~rows & np.isfinite(reading.low[:, best]).any(axis=1)
        yield Filter(_places(best), rows, min(_weigh(condition, best, asked), doubtful), bounded)


def _weigh(condition: Condition, columns: NDArray[np.bool_], asked: Asked) -> float:
    """1 where one column is meant; a small number in words ("one", "six") must be named beside it as well."""
    if columns.sum() > 1:
        return _UNSURE
    if not condition.worded or not math.isfinite(condition.low + condition.high):
        return 1.0
    header = asked.reading.grid.header[int(columns.argmax())]
    named = name_strengths(sorted(condition.nouns), [header]).max(initial=0.0) >= NAMING
    return 1.0 if named or condition.low >= _LARGE else _UNSURE


def _fitting_columns(
    condition: Condition, inside: NDArray[np.bool_], measured: NDArray[np.bool_], reading: TableReading
) -> NDArray[np.bool_]:
    """Those of the `measured` columns, of the condition's kind and unit, that hold such values, bool (n_columns,)."""
    valued = np.array([kind != "text" for kind in reading.kinds], dtype=np.bool_) & measured & inside.any(axis=0)
    timed = valued & np.array([kind in ("year", "date") for kind in reading.kinds], dtype=np.bool_)
    columns = timed if condition.dated else valued & ~timed
    if condition.dated and not columns.any():
        columns = valued  # "over 2000" may be no year
    signed = columns & np.array([bool(condition.sign) and sign == condition.sign for sign in reading.signs], np.bool_)
    return signed if signed.any() else columns


def _choose_columns(columns: NDArray[np.bool_], condition: Condition, asked: Asked) -> NDArray[np.bool_]:
    """Of these columns those that are named beside the value best; all of them where none is."""
    if columns.sum() < 2:
        return columns
    named = np.array([
        max((nearness(term, condition.nouns) for term in header), default=0.0) for header in asked.reading.headers
    ])  # fmt: skip
    before = asked.words.folded[max(condition.place - 2, 0) : condition.place]
    if measures := [name for word in before for name in comparative_measures(word)]:  # "stronger than 5.5"
        named = np.maximum(named, name_strengths(measures, asked.reading.grid.header).max(axis=0, initial=0.0))
    # Among those alike the nearer name decides ("c7 is over 500 and c9 below 3").
    steps = np.arange(len(asked.strengths)) - condition.place
    distances = np.where(steps > 0, 2 * steps, -steps)  # what comes after a value is more often about the next one
    named = named + (asked.strengths / (1 + _FADES * distances[:, None])).max(axis=0, initial=0.0) / 2
    best: NDArray[np.bool_] = columns & (named == named[columns].max())
    return best


def _filter_texts(asked: Asked) -> tuple[list[Filter], set[int]]:
    """Cells of text that the question names, those that overlapping words name in several columns as one condition;
    and the words that name them."""
    ordering = {
        superlative.place + offset
        for superlative in find_superlatives(asked.words.folded)
        for offset in range(superlative.size)
    }
    named = [
        cells
        for cells in find_named_cells(asked.words, asked.reading)
        if not ordering.issuperset(range(cells.start, cells.end))
    ]
    groups: list[list[NamedCells]] = []
    for cells in named:
        joined = [group for group in groups if any(_are_alternatives(other, cells) for other in group)]
        groups = [group for group in groups if group not in joined]
        groups.append([cells, *(other for group in joined for other in group)])
    used = {place for cells in named for place in range(cells.start, cells.end)}
    return [_join_cells(group) for group in groups], used


def _are_alternatives(one: NamedCells, other: NamedCells) -> bool:
    """Whether the same words name both, or both are cells of a column: a row has only one ("Texas and Ohio")."""
    if one.column == other.column:
        return one.excludes == other.excludes
    return one.start < other.end and other.start < one.end


def _join_cells(group: list[NamedCells]) -> Filter:
    """One condition of alternatives; what the question excludes is excluded by each."""
    join = np.all if group[0].excludes else np.any
    rows = join([cells.rows for cells in group], axis=0)
    compared = any(cells.compared for cells in group)
    exact = any(cells.exact or cells.end - cells.start > 1 for cells in group)
    columns = tuple(sorted({cells.column for cells in group}))
    return Filter(columns, rows, _COMPARED if compared else 1.0 if exact else _SHORT)


def _filter_months(asked: Asked) -> Iterator[Filter]:
    """A month or day that the question names and a column of numbers has."""
    for column, header in enumerate(asked.reading.headers):
        if asked.reading.kinds[column] == "text":
            continue
        low = asked.reading.low[:, column]
        if {"month", "mon"} & {*header}:
            months = [MONTHS[word] for word in asked.words.folded if word in MONTHS and len(word) > 3]
            for month in months:
                yield Filter((column,), low == month)
        elif "day" in header and (
            days := [v for v in asked.form.values if v.kind == "day" and v.high - v.low < _MONTH]
        ):
            number = round((days[0].low * 12 % 1) * 31) + 1
            yield Filter((column,), low == number)


def _filter_flags(asked: Asked) -> Iterator[Filter]:
    """ "Who smokes?" in a column of yes and no; "without subcommittees" in one of numbers."""
    reading, words = asked.reading, asked.words.folded
    for number, column in enumerate(reading.columns):
        texts = {text for text in column.folded if text}
        said = asked.strengths[:, number]
        if not len(said) or said.max() < NAMING:
            continue
        negated = any(words[place - 1] in _NO for place in np.flatnonzero(said >= NAMING) if place)
        if 1 <= len(texts) <= 3 and texts & _YES[0] and texts & _YES[1]:
            wanted = _YES[1] if negated else _YES[0]
            places = [place for place, text in enumerate(column.folded) if text in wanted]
            yield Filter((number,), np.isin(column.places, places), _UNSURE)
        elif any(words[place - 1] in _ZERO for place in np.flatnonzero(said >= NAMING) if place):
            yield Filter((number,), reading.low[:, number] == 0)


def _filter_words(asked: Asked, used: set[int]) -> Iterator[Filter]:
    """Words that some rows hold in a text, and that name neither a whole cell nor a column."""
    reading = asked.reading
    width = max(reading.shape[1], 1)
    for place, word in enumerate(asked.words.folded):
        if place in used or word in STOP_WORDS or word.isdigit() or asked.strengths[place].max(initial=0.0) >= 0.8:
            continue
        cells = reading.places.find_places(stem(word))
        rows = np.zeros(reading.shape[0], dtype=np.bool_)
        rows[cells // width] = True
        if 0 < rows.sum() <= _HELD_BY * len(rows):
            yield Filter(tuple(np.unique(cells % width).tolist()), rows, _WORD)


def _places(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(np.flatnonzero(mask).tolist())
