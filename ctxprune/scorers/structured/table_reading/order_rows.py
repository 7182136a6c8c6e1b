"""Rows that hold the extremes a question asks for, along the columns that its superlatives are about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.scorers.structured.table_reading.column_names import NAMING, meaning_strengths, name_strengths
from ctxprune.scorers.structured.table_reading.superlatives import find_superlatives

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.reading import TableReading
    from ctxprune.scorers.structured.table_reading.superlatives import Superlative

__all__ = ["Order", "extreme_rows", "find_orders"]

_TIMED = ("year", "date")
_AFTER = (1.0, 0.93, 0.88, 0.83)  # what the name of a column counts as the first word after a superlative, and so on
_BEFORE = 3  # words before it
_BESIDE, _ELSEWHERE = 1.0, 0.6  # what a name counts before the superlative, and what further away
_ASKED_FOR = 0.3  # what a name counts right after "which"
_BOTH = 0.3  # of the weaker of two signs that agree
_NEAR_BEST = 0.95  # of the best column's strength: others are meant as well
_TIES = (4, 8)  # rows with the same extreme value, of short tables and of long ones; more say little


@dataclass(frozen=True, slots=True)
class Order:
    """A column along which rows are ordered.

    Attributes:
        column: Its index; -1 for the order in which the rows stand.
        most: Whether the greatest values, or the last rows, are asked for.
        sure: Whether the question names the column or what it measures; else it is one of all that may be meant.
        rank: How many values from the extreme on are asked for: 2 for "the second highest".
    """

    column: int
    most: bool
    sure: bool
    rank: int = 1


def find_orders(asked: Sequence[str], strengths: NDArray[np.float64], reading: TableReading) -> list[Order]:
    """The orders that the superlatives of a question ask for.

    Args:
        asked: The folded words of the question.
        strengths: float64 (n_asked, n_columns), how strongly each names each column (`name_strengths`).
        reading: Of the table.
    """
    orders: dict[Order, None] = {}
    # What "which" asks for is the answer and not what rows are ordered by: "In which quarter was inflation highest?"
    focused = [place + 1 for place, word in enumerate(asked[:-1]) if word in ("which", "what")]
    strengths = strengths.copy()
    strengths[focused] *= _ASKED_FOR
    for superlative in find_superlatives(asked):
        timed = superlative.kind in ("first", "last")
        found = (
            _time_orders(superlative, strengths, reading) if timed else _value_orders(superlative, strengths, reading)
        )
        orders.update(dict.fromkeys(found))
    return list(orders)


def extreme_rows(reading: TableReading, order: Order, among: NDArray[np.bool_]) -> list[int]:
    """The rows with the greatest or least value among those of a mask, bool (n_rows,); [] where too many have it."""
    if order.column < 0:
        rows = np.flatnonzero(among)
        ends: list[int] = (rows[-order.rank :] if order.most else rows[: order.rank]).tolist()
        return ends
    values = np.where(among & (reading.total == 0), reading.low[:, order.column], np.nan)
    known = np.isfinite(values)
    if not known.any():
        return []
    distinct = np.unique(values[known])
    best = distinct[-order.rank :] if order.most else distinct[: order.rank]
    rows = np.flatnonzero(np.isin(values, best))
    few = min(max(len(values) // 10, _TIES[0]), _TIES[1])
    found: list[int] = rows.tolist() if len(rows) <= few * order.rank else []
    return found


def _value_orders(superlative: Superlative, strengths: NDArray[np.float64], reading: TableReading) -> list[Order]:
    valued = np.array([kind not in ("text", "day") for kind in reading.kinds], dtype=np.bool_)
    if not valued.any():
        return []
    named = _strengths_beside(superlative, strengths)
    measured, most = _measure(superlative, reading)
    if superlative.general:
        # "The highest temperature": the name decides; what is high by itself only where nothing is named.
        total = named if named[valued].max() >= NAMING else measured
    elif measured[valued].max() < NAMING:
        total = named
    else:
        total = np.maximum(named * _ELSEWHERE, measured) + _BOTH * np.minimum(named, measured)
    total = np.where(valued, total, 0.0)
    if total.max() < NAMING:
        return [
            Order(int(column), superlative.kind == "most", False, superlative.rank) for column in np.flatnonzero(valued)
        ]
    columns = np.flatnonzero(total >= _NEAR_BEST * total.max())
    return [
        Order(int(column), _asks_greatest(superlative, reading.kinds[column], measured[column], most[column]), True,
              superlative.rank)
        for column in columns
    ]  # fmt: skip


def _asks_greatest(superlative: Superlative, kind: str, measured: float, most: bool) -> bool:
    """Whether the greatest values of a column are asked for: by what it measures, else in time as time goes ("oldest"
    is the least date), else by the superlative itself."""
    if superlative.general:
        return superlative.kind == "most"
    if measured >= NAMING:
        return most
    timed = superlative.measures.get("date", superlative.measures.get("year"))
    return timed if kind in _TIMED and timed is not None else superlative.kind == "most"


def _time_orders(superlative: Superlative, strengths: NDArray[np.float64], reading: TableReading) -> list[Order]:
    """The first or last in time, where a column says it, else as the rows stand."""
    last = superlative.kind == "last"
    columns = [column for column, kind in enumerate(reading.kinds) if kind in _TIMED]
    if not columns:
        return [Order(-1, last, False, superlative.rank)]
    named = _strengths_beside(superlative, strengths)
    best = max(named[columns])
    chosen = [column for column in columns if named[column] >= max(best, NAMING)]
    return [Order(column, last, True, superlative.rank) for column in chosen or columns[:1]]


def _strengths_beside(superlative: Superlative, strengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """How strongly each column is named, float64 (n_columns,): the nearer to the superlative, the more it counts."""
    end = superlative.place + superlative.size
    factors = np.full(len(strengths), _ELSEWHERE)
    factors[max(superlative.place - _BEFORE, 0) : superlative.place] = _BESIDE
    factors[superlative.place : end] = 0.0
    factors[end : end + len(_AFTER)] = _AFTER[: max(len(factors) - end, 0)]
    found: NDArray[np.float64] = (strengths * factors[:, None]).max(axis=0, initial=0.0)
    return found


def _measure(superlative: Superlative, reading: TableReading) -> tuple[NDArray[np.float64], list[bool]]:
    """How strongly the name of each column is what the superlative measures, and whether the greatest are asked for."""
    headers, names = reading.grid.header, list(superlative.measures)
    greatest = superlative.kind == "most"
    strengths = name_strengths(names, headers) if names else np.zeros((1, len(headers)))
    ways = [superlative.measures[name] for name in names] or [greatest]
    best, strongest = strengths.argmax(axis=0), strengths.max(axis=0)
    if strongest.max(initial=0.0) >= NAMING or not superlative.base:
        return strongest, [ways[place] for place in best.tolist()]
    # Only where no name that is known for it is there: vectors find what is related as well as what is measured.
    family = name_strengths([superlative.base], headers)[0]
    return np.maximum(family, meaning_strengths(superlative.base, headers)), [greatest] * len(headers)
