"""Features of every column of a table, for one question."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.scorers.structured.table_reading.asked import QUESTION_FEATURES
from ctxprune.scorers.structured.table_reading.headers import HEADER_FEATURES, header_features
from ctxprune.scorers.structured.table_reading.matches import NAMED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.asked import Asked

__all__ = ["COLUMN_FEATURES", "column_features"]

_FEW = 3  # rows that fit best, up to which what is asked along them is looked for
_ASKING = ("who", "when", "where", "how many", "how much", "which", "what")
_HELD = ("text", "number", "year", "date", "ordinal")
_OWN = (
    "named_below_best", "focus_below_best", "cell", "cells_named", "phrase", "number", "outcome", "outcomes", "first",
    "second", "last", "place", "filled", "distinct", "length", "no_header", "ordering", "dated", "most_along",
    "least_along", "bounded_along", "strength", "strength_summed", "shown",
)  # fmt: skip
COLUMN_FEATURES = (
    *HEADER_FEATURES, *_OWN, *(f"holds_{kind}" for kind in _HELD), *(f"asks {word}" for word in _ASKING),
    *QUESTION_FEATURES,
)  # fmt: skip


def column_features(asked: Asked) -> NDArray[np.float64]:
    """float64 (n_columns, len(COLUMN_FEATURES))."""
    width = asked.reading.shape[1]
    if not width:
        return np.zeros((0, len(COLUMN_FEATURES)))
    headers = header_features(asked.form.folded, asked.terms, asked.reading)
    named, focus = (headers[:, HEADER_FEATURES.index(name)] for name in ("named_softly", "focus_softly"))
    own = {
        # What counts is how far a column is behind the best named one, whatever the question's wording reaches.
        "named_below_best": named - named.max(),
        "focus_below_best": focus - focus.max(),
        **_match_features(asked),
        **_place_features(asked),
        **_demand_features(asked),
        **dict(zip(("most_along", "least_along", "bounded_along"), _order_features(asked), strict=True)),
    }
    columns = [headers, *(own[name] for name in _OWN)]
    columns += [np.array([kind == held for kind in asked.reading.kinds]) for held in _HELD]
    columns += [np.full(width, re.search(rf"\b{word}\b", asked.form.folded) is not None) for word in _ASKING]
    columns += [np.full(width, value) for value in asked.features().values()]
    return np.column_stack(columns).astype(np.float64)


def _demand_features(asked: Asked) -> dict[str, NDArray[np.generic]]:
    """How strongly the words of the question name a column, and whether its conditions and orders are about it."""
    strengths = asked.strengths
    return {
        "strength": strengths.max(axis=0, initial=0.0),
        "strength_summed": np.minimum(strengths.sum(axis=0), 3.0),
        "shown": np.isin(np.arange(strengths.shape[1]), asked.demand.shown_columns),
    }


def _match_features(asked: Asked) -> dict[str, NDArray[np.generic]]:
    """What the cells of a column hold of the question."""
    matches = asked.matches
    return {
        "cell": matches.cell.max(axis=0, initial=0.0),
        "cells_named": np.log1p((matches.cell > NAMED).sum(axis=0)),
        "phrase": matches.phrase.max(axis=0, initial=0.0),
        "number": matches.number.max(axis=0, initial=0.0),
        "outcome": matches.outcome.max(axis=0, initial=0.0),
        "outcomes": matches.outcome.sum(axis=0) / max(len(matches.outcome), 1),
    }


def _place_features(asked: Asked) -> dict[str, NDArray[np.generic]]:
    """The position and the content of a column."""
    reading = asked.reading
    n, width = reading.shape
    index = np.arange(width)
    lengths = [
        int(np.fromiter(map(len, column.folded), dtype=np.int64) @ column.counts) / max(n, 1)
        for column in reading.columns
    ]
    return {
        "first": index == 0,
        "second": index == 1,
        "last": index == width - 1,
        "place": index / max(width - 1, 1),
        "filled": reading.filled,
        "distinct": reading.distinct,
        "length": np.log1p(lengths),
        "no_header": np.array([not header for header in reading.headers]),
        "ordering": np.isin(index, asked.ordering),
        "dated": reading.dated,
    }


def _order_features(asked: Asked) -> NDArray[np.float64]:
    """For each column whether the rows that fit best have their greatest, their least or a bounded value there.

    float64 (3, n_columns); zeros where many rows fit, or where nothing of the kind is asked for. In a table whose
    columns are years this is what "in which year" asks for.
    """
    low, extremes = asked.reading.low, asked.form.extremes
    found = np.zeros((3, low.shape[1]), dtype=np.bool_)
    rows = np.flatnonzero(asked.matches.best)
    # Along many rows some column always has the greatest value by chance.
    if len(rows) > _FEW:
        return found.astype(np.float64)
    for values in low[rows]:
        known = values[np.isfinite(values)]
        if len(known) < 2:
            continue
        if "most" in extremes:
            found[0] |= values == known.max()
        if "least" in extremes:
            found[1] |= values == known.min()
        for bound in asked.form.conditions:
            if not bound.dated:
                found[2] |= (values >= bound.low) & (values <= bound.high)
    return found.astype(np.float64)
