"""Features of every row of a table, for one question."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.scorers.structured.table_reading.asked import QUESTION_FEATURES
from ctxprune.scorers.structured.table_reading.matches import NAMED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.asked import Asked

__all__ = ["ROW_FEATURES", "row_blocks", "row_features"]

_BLOCK = 1 << 14  # rows

_PAIRS = (
    ("is_superlative", "most_of_best"), ("asks_most", "most"), ("asks_least", "least"), ("asks_most", "most_of_best"),
    ("asks_least", "least_of_best"), ("asks_first", "first_row"), ("asks_last", "last_row"),
    ("asks_first", "first_of_best"), ("asks_last", "last_of_best"), ("asks_next", "cell_before"),
    ("asks_previous", "cell_after"), ("is_aggregate", "total"), ("asks_first", "place"), ("asks_last", "place"),
)  # fmt: skip
_OWN = (
    "words", "rare", "words_below_best", "rare_below_best", "best", "best_shared", "cell", "cells_named", "phrase",
    "number", "number_rare", "outcome", "outcome_rare", "held", "most", "least", "rank_most", "rank_least",
    "most_of_best", "least_of_best", "first_row", "last_row", "first_of_best", "last_of_best", "words_before",
    "words_after", "cell_before", "cell_after", "total", "section", "spanning", "like_header", "filled", "place",
    "log_place", "conditions_met", "condition_rows", "extreme_level", "extreme_rows",
)  # fmt: skip
ROW_FEATURES = (*_OWN, *(f"{first}*{second}" for first, second in _PAIRS), *QUESTION_FEATURES)


def row_features(asked: Asked) -> NDArray[np.float64]:
    """float64 (n_rows, len(ROW_FEATURES))."""
    return np.concatenate([np.zeros((0, len(ROW_FEATURES))), *row_blocks(asked)])


def row_blocks(asked: Asked) -> Iterator[NDArray[np.float64]]:
    """`row_features` in parts, float64 (at most 16,384, len(ROW_FEATURES)): of a long table the whole is large."""
    n = asked.reading.shape[0]
    if not n:
        return
    question = asked.features()
    own = {**_match_features(asked), **_order_features(asked), **_place_features(asked), **_demand_features(asked)}
    # In blocks: of a million rows the features would take half a gigabyte.
    for first in range(0, n, _BLOCK):
        part = {name: np.asarray(own[name][first : first + _BLOCK], dtype=np.float64) for name in _OWN}
        block = np.empty((min(_BLOCK, n - first), len(ROW_FEATURES)))
        pairs = (question[one] * part[other] for one, other in _PAIRS)
        for place, values in enumerate((*part.values(), *pairs)):
            block[:, place] = values
        block[:, len(part) + len(_PAIRS) :] = [question[name] for name in QUESTION_FEATURES]
        yield block


def _demand_features(asked: Asked) -> dict[str, NDArray[np.generic]]:
    """What the conditions and orders of the question say of a row; more of few rows than of many."""
    demand = asked.demand
    return {
        "conditions_met": demand.met,
        "condition_rows": _share_among(demand.matching_rows, len(demand.met)),
        "extreme_level": demand.levels,
        "extreme_rows": _share_among(demand.extreme_rows, len(demand.met)),
    }


def _share_among(rows: tuple[int, ...], size: int) -> NDArray[np.float64]:
    shares = np.zeros(size)
    shares[list(rows)] = 1 / max(len(rows), 1) ** 0.5
    return shares


def _match_features(asked: Asked) -> dict[str, NDArray[np.generic]]:
    """What a row holds of the question, and the rows before and after it."""
    matches = asked.matches
    cell, number = matches.cell.max(axis=1, initial=0.0), matches.number.max(axis=1, initial=0.0)
    outcome = matches.outcome.max(axis=1, initial=0.0)
    return {
        "words": matches.words,
        "rare": matches.rare,
        "words_below_best": matches.words - matches.words.max(),
        "rare_below_best": matches.rare - matches.rare.max(),
        "best": matches.best,
        "best_shared": matches.best / matches.best.sum(),
        "cell": cell,
        "cells_named": np.minimum((matches.cell > NAMED).sum(axis=1), 3),
        "phrase": matches.phrase.max(axis=1, initial=0.0),
        "number": number,
        "number_rare": number / max(number.sum(), 1.0),
        "outcome": outcome,
        "outcome_rare": outcome / max(outcome.sum(), 1.0),
        "held": matches.held,
        "words_before": np.append(0.0, matches.words[:-1]),
        "words_after": np.append(matches.words[1:], 0.0),
        "cell_before": np.append(0.0, cell[:-1]),
        "cell_after": np.append(cell[1:], 0.0),
    }


def _order_features(asked: Asked) -> dict[str, NDArray[np.generic]]:
    """Whether a row has the greatest or least value along what the question asks to order by, rows of totals aside.

    "rank_most" and "rank_least" are its best places there, 0..1; "most_of_best" and "least_of_best" are among the rows
    that fit the question best.
    """
    reading, best = asked.reading, asked.matches.best
    found = {
        name: np.zeros(reading.shape[0])
        for name in ("most", "least", "rank_most", "rank_least", "most_of_best", "least_of_best")
    }
    for column in asked.ordering:
        # A row of totals has the greatest value of every column and is never what is asked for.
        values = np.where(reading.total > 0, np.nan, reading.low[:, column])
        known = np.isfinite(values)
        order = np.sort(values[known])
        if len(order) > 1:
            above = np.searchsorted(order, values) / (len(order) - 1)
            below = (len(order) - np.searchsorted(order, values, side="right")) / (len(order) - 1)
            parts = (values == order[-1], values == order[0], np.where(known, above, 0), np.where(known, below, 0))
            for name, part in zip(("most", "least", "rank_most", "rank_least"), parts, strict=True):
                found[name] = np.maximum(found[name], part)
        inside = values[known & best]
        if len(inside):
            found["most_of_best"] = np.maximum(found["most_of_best"], best & (values == inside.max()))
            found["least_of_best"] = np.maximum(found["least_of_best"], best & (values == inside.min()))
    return dict(found)


def _place_features(asked: Asked) -> dict[str, NDArray[np.generic]]:
    """The position and the kind of a row."""
    reading, best = asked.reading, asked.matches.best
    n, width = reading.shape
    index = np.arange(n)
    # A row inherits what the heading above it holds of the question.
    heading, section = 0.0, np.zeros(n)
    for row in range(n):
        heading = asked.matches.words[row] if reading.spanning[row] else heading
        section[row] = heading
    return {
        "first_row": index == 0,
        "last_row": index == n - 1,
        "first_of_best": index == np.argmax(best),
        "last_of_best": index == n - 1 - np.argmax(best[::-1]),
        "total": reading.total,
        "section": section,
        "spanning": reading.spanning,
        "like_header": reading.like_header,
        "filled": reading.said / max(width, 1),
        "place": index / max(n - 1, 1),
        "log_place": np.log1p(index),
    }
