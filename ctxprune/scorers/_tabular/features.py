"""What the scorer weighs: features of every row and of every column of a table, for one question."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text import terms

from .demand import KINDS, ordered_columns, question_form
from .headers import HEADER_FEATURES, header_features, named_columns
from .matches import find_matches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .demand import QuestionForm
    from .matches import Matches
    from .reading import TableReading

__all__ = ["COLUMN_FEATURES", "ROW_FEATURES", "table_features"]

_ASKING = ("who", "when", "where", "how many", "how much", "which", "what")
_EXTREMES = ("most", "least", "first", "last")
_KINDS_OF_COLUMNS = ("text", "number", "year", "date", "ordinal")
_TOTAL = re.compile(r"\b(?:total|totals|sum|average|overall|all)\b")

_QUESTION = (
    *(f"is_{kind}" for kind in KINDS), *(f"asks_{name}" for name in _EXTREMES),
    "asks_next", "asks_previous", "either", "bounded", "log_rows", "log_columns",
)  # fmt: skip
_ROW = (
    "words", "rare", "words_below_best", "rare_below_best", "is_best", "best_shared", "cell", "cells_named", "phrase",
    "number", "number_rare", "held", "most", "least", "most_of_best", "least_of_best", "rank_most", "rank_least",
    "first_row", "last_row", "first_of_best", "last_of_best", "words_before", "words_after", "cell_before",
    "cell_after", "total_row", "section", "filled", "place", "log_place",
)  # fmt: skip
_PAIRS = (
    ("is_superlative", "most_of_best"), ("asks_most", "most"), ("asks_least", "least"), ("asks_most", "most_of_best"),
    ("asks_least", "least_of_best"), ("asks_first", "first_row"), ("asks_last", "last_row"),
    ("asks_first", "first_of_best"), ("asks_last", "last_of_best"), ("asks_next", "cell_before"),
    ("asks_previous", "cell_after"), ("is_aggregate", "total_row"), ("asks_first", "place"), ("asks_last", "place"),
)  # fmt: skip
ROW_FEATURES = (*_ROW, *(f"{first}*{second}" for first, second in _PAIRS), *_QUESTION)
COLUMN_FEATURES = (
    *HEADER_FEATURES, "named_below_best", "focus_below_best", "cell", "cells", "phrase", "number",
    "first", "second", "last", "place", "filled", "distinct", "length", "no_header", "ordering",
    *(f"holds_{kind}" for kind in _KINDS_OF_COLUMNS), *(f"asks_{word.replace(' ', '_')}" for word in _ASKING),
    *_QUESTION,
)  # fmt: skip


def table_features(query: str, reading: TableReading) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Features of rows, float64 (n_rows, len(ROW_FEATURES)), and columns, (n_columns, len(COLUMN_FEATURES)).

    Args:
        query: The question.
        reading: Of the table.
    """
    form, asked = question_form(query), list(dict.fromkeys(terms(query)))
    named = named_columns(asked, reading)
    matches = find_matches(form, asked, reading)
    ordering = ordered_columns(form, reading, named)
    question = _question(form, reading)
    rows = _rows(reading, matches, ordering, question)
    columns = _columns((form, asked), reading, matches, ordering, question)
    return rows, columns


def _question(form: QuestionForm, reading: TableReading) -> NDArray[np.float64]:
    n, width = reading.shape
    return np.array([
        *(form.kind == kind for kind in KINDS), *(name in form.extremes for name in _EXTREMES), form.next,
        form.previous, form.either, bool(form.conditions), math.log1p(n), math.log1p(width),
    ], dtype=np.float64)  # fmt: skip


def _below_best(values: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(values - values.max(initial=0.0), dtype=np.float64)


def _rows(
    reading: TableReading, matches: Matches, ordering: list[int], question: NDArray[np.float64]
) -> NDArray[np.float64]:
    n = reading.shape[0]
    if not n:
        return np.zeros((0, len(ROW_FEATURES)))
    number = matches.number.max(axis=1, initial=0.0)
    merit = matches.rare + number + matches.held
    best = merit >= merit.max() - 1e-9
    cell = matches.cell.max(axis=1, initial=0.0)
    most, least, rank_most, rank_least = _order(reading, ordering)
    index = np.arange(n)
    values = {
        "words": matches.words,
        "rare": matches.rare,
        "words_below_best": _below_best(matches.words),
        "rare_below_best": _below_best(matches.rare),
        "is_best": best,
        "best_shared": best / best.sum(),
        "cell": cell,
        "cells_named": np.minimum((matches.cell > 0.99).sum(axis=1), 3),
        "phrase": matches.phrase.max(axis=1, initial=0.0),
        "number": number,
        "number_rare": number / max(number.sum(), 1.0),
        "held": matches.held,
        "most": most,
        "least": least,
        "most_of_best": _extreme_of(best, reading, ordering, most=True),
        "least_of_best": _extreme_of(best, reading, ordering, most=False),
        "rank_most": rank_most,
        "rank_least": rank_least,
        "first_row": index == 0,
        "last_row": index == n - 1,
        "first_of_best": index == np.argmax(best),
        "last_of_best": index == n - 1 - np.argmax(best[::-1]),
        "words_before": np.concatenate([[0.0], matches.words[:-1]]),
        "words_after": np.concatenate([matches.words[1:], [0.0]]),
        "cell_before": np.concatenate([[0.0], cell[:-1]]),
        "cell_after": np.concatenate([cell[1:], [0.0]]),
        "total_row": [bool(row and _TOTAL.search(row[0].folded)) for row in reading.cells],
        "section": _section(reading, matches.words),
        "filled": [sum(bool(cell.folded) for cell in row) / len(row) if row else 0.0 for row in reading.cells],
        "place": index / max(n - 1, 1),
        "log_place": np.log1p(index),
    }
    features = np.zeros((n, len(ROW_FEATURES)))
    for place, name in enumerate(_ROW):
        features[:, place] = values[name]
    flags = dict(zip(_QUESTION, question, strict=True))
    for place, (first, second) in enumerate(_PAIRS, start=len(_ROW)):
        features[:, place] = flags[first] * np.asarray(values[second], dtype=np.float64)
    features[:, -len(_QUESTION) :] = question
    return features


def _order(reading: TableReading, ordering: list[int]) -> tuple[NDArray[np.float64], ...]:
    """Whether a row has the greatest or least value in a column of the order, and its best place there, 0..1."""
    n = reading.shape[0]
    most, least, rank_most, rank_least = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n)
    for column in ordering:
        values = reading.low[:, column]
        known = np.isfinite(values)
        if known.sum() < 2:
            continue
        order = np.sort(values[known])
        ranks = np.where(known, np.searchsorted(order, values) / (len(order) - 1), 0.0)
        below = np.where(known, (len(order) - np.searchsorted(order, values, side="right")) / (len(order) - 1), 0.0)
        most, least = np.maximum(most, values == order[-1]), np.maximum(least, values == order[0])
        rank_most, rank_least = np.maximum(rank_most, ranks), np.maximum(rank_least, below)
    return most, least, rank_most, rank_least


def _extreme_of(
    best: NDArray[np.bool_], reading: TableReading, ordering: list[int], *, most: bool
) -> NDArray[np.float64]:
    """1 for rows with the greatest (or least) value among the rows that fit the question best."""
    found = np.zeros(len(best))
    for column in ordering:
        values = np.where(best, reading.low[:, column], np.nan)
        known = np.isfinite(values)
        if known.any():
            found = np.maximum(found, values == (values[known].max() if most else values[known].min()))
    return found


def _section(reading: TableReading, words: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the heading row above (one with nothing but its first cell) holds of the question."""
    values, current = [], 0.0
    for row, held in zip(reading.cells, words, strict=True):
        heading = len(row) > 1 and bool(row[0].folded) and not any(cell.folded for cell in row[1:])
        current = float(held) if heading else current
        values.append(current)
    return np.array(values)


def _columns(
    asked: tuple[QuestionForm, list[str]],
    reading: TableReading,
    matches: Matches,
    ordering: list[int],
    question: NDArray[np.float64],
) -> NDArray[np.float64]:
    form, words = asked
    n, width = reading.shape
    features = np.zeros((width, len(COLUMN_FEATURES)))
    if not width:
        return features
    headers = header_features(form.folded, words, reading)
    index = np.arange(width)
    length = [sum(len(row[column].folded) for row in reading.cells) / max(n, 1) for column in range(width)]
    cell = matches.cell.max(axis=0, initial=0.0)
    others = [
        _below_best(headers[:, 1]), _below_best(headers[:, 5]), cell,
        np.log1p((matches.cell > 0.99).sum(axis=0)), matches.phrase.max(axis=0, initial=0.0),
        matches.number.max(axis=0, initial=0.0), index == 0, index == 1, index == width - 1, index / max(width - 1, 1),
        reading.filled, reading.distinct, np.log1p(length), [not header for header in reading.headers],
        [column in ordering for column in range(width)],
        *([kind == name for kind in reading.kinds] for name in _KINDS_OF_COLUMNS),
        *(np.full(width, bool(re.search(rf"\b{word}\b", form.folded))) for word in _ASKING),
    ]  # fmt: skip
    start = len(HEADER_FEATURES)
    features[:, :start] = headers
    for place, values in enumerate(others, start=start):
        features[:, place] = values
    features[:, -len(_QUESTION) :] = question
    return features
