"""What a question needs of a table: the columns that it is about and the rows without which it has no answer."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.scorers.structured.table_reading.column_names import NAMING
from ctxprune.scorers.structured.table_reading.conditions import find_filters, find_value_filters
from ctxprune.scorers.structured.table_reading.order_rows import extreme_rows, find_orders
from ctxprune.scorers.structured.table_reading.question_form import find_extremes
from ctxprune.text.words import fold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.asked import Asked
    from ctxprune.scorers.structured.table_reading.conditions import Filter
    from ctxprune.scorers.structured.table_reading.order_rows import Order
    from ctxprune.scorers.structured.table_reading.reading import TableReading

__all__ = ["QuestionDemand", "find_demand"]

_SUMS = ("aggregate", "count")
_SURE = 0.8  # weight from which a condition alone makes rows required
_WORD = 0.4  # weight of a mere word that some rows hold
_FEW = 12  # rows
_EXTREME, _LIKELY, _POSSIBLE = 2.0, 1.5, 0.75  # levels of rows with an extreme, by how sure it is
_OTHERS = re.compile(r"\b(?:other than|besides|aside from|apart from|except)\b")


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
        extreme_rows: Indices of the rows that hold the extremes it asks for, among those that fulfil its conditions,
            rising; () for others.
        matching_rows: Indices of the rows that fulfil most of its conditions, rising; () without conditions, and where
            rows beside them, or all others, are asked for.
        met: float64 (n_rows,), the share of its conditions, those that may be misread included, that each row fulfils.
        levels: float64 (n_rows,), 0 to 2: how surely each row holds an extreme that it asks for.
        certain: Whether no number of the question was ignored or may be misread, and the rows fulfil all of its sure
            conditions. Only then may it be said that the question needs them.
    """

    kind: str
    columns: tuple[int, ...]
    shown_columns: tuple[int, ...]
    all_rows: bool
    extreme_rows: tuple[int, ...]
    matching_rows: tuple[int, ...]
    met: NDArray[np.float64] = field(compare=False)
    levels: NDArray[np.float64] = field(compare=False)
    certain: bool = True

    @property
    def rows(self) -> tuple[int, ...]:
        """Indices of the rows that it needs together, where not all of them: those of an extreme, else those that
        fulfil its conditions."""
        return self.extreme_rows or self.matching_rows


def find_demand(asked: Asked) -> QuestionDemand:
    """What a question needs of the table beside which it was read."""
    form, reading = asked.form, asked.reading
    size = reading.shape[0]
    values, orders = find_value_filters(asked), find_orders(asked.words.folded, asked.strengths, reading)
    filters = find_filters(asked, values)
    sure = [one for one in filters if one.weight >= _SURE]
    met = _sum_weights(filters, size)
    matching = np.zeros(size, dtype=np.bool_)
    others_asked = _OTHERS.search(form.folded) is not None or form.kind == "neighbour"
    if sure and not others_asked:
        matching = _find_matching(filters, sure, size)
    extremes, levels = _find_extremes(orders, matching, met, reading)
    if not (sure or extremes or others_asked):
        # What may be misread makes rows required only where they are few.
        held = _sum_weights([one for one in filters if one.weight >= _WORD], size)
        likely = (held > 0) & (held == held.max(initial=0.0))
        matching = likely if likely.sum() <= _FEW else matching
    total = sum(one.weight for one in filters)
    sums_up = form.kind in _SUMS and bool(size)
    return QuestionDemand(
        kind=form.kind,
        columns=_list_places(asked.named >= NAMING),
        shown_columns=_find_shown(asked, [*sure, *_find_shown_bounds(values)], orders),
        all_rows=sums_up and not matching.any() and not _has_filter(asked),
        extreme_rows=tuple(sorted(extremes)),
        matching_rows=_list_places(matching),
        met=met / total if total else met,
        levels=levels,
        certain=all(one.weight >= _SURE and one.rows.any() for one in values) and _are_fulfilled(sure, matching),
    )


def _find_shown_bounds(values: list[Filter]) -> list[Filter]:
    """Bounds that every row fulfils, and those of which the column is not known."""
    return [one for one in values if one.bounded and (not one.weight or (one.weight >= _SURE and one.rows.all()))]


def _are_fulfilled(sure: list[Filter], matching: NDArray[np.bool_]) -> bool:
    """Whether the matching rows fulfil all sure conditions; where there are none, nothing says that they match."""
    if not sure:
        return not matching.any()
    return all(one.rows[matching].all() for one in sure)


def _find_matching(filters: list[Filter], sure: list[Filter], size: int) -> NDArray[np.bool_]:
    """Rows that fulfil most conditions, not all: one condition of several is often misread."""
    fulfilled = _sum_weights(sure, size)
    matching = (fulfilled > 0) & (fulfilled == fulfilled.max(initial=0.0))
    # Of these the ones with a value that may be meant; a word that a row holds says too little for that.
    values = _sum_weights([one for one in filters if _WORD < one.weight < _SURE], size)
    narrowed: NDArray[np.bool_] = matching & (values == values[matching].max(initial=0.0))
    return narrowed


def _sum_weights(filters: list[Filter], size: int) -> NDArray[np.float64]:
    return np.sum([one.weight * one.rows for one in filters], axis=0) if filters else np.zeros(size)


def _find_extremes(
    orders: list[Order], matching: NDArray[np.bool_], met: NDArray[np.float64], reading: TableReading
) -> tuple[set[int], NDArray[np.float64]]:
    """The rows that hold the extremes asked for, and what they add to the levels, float64 (n_rows,)."""
    levels = np.zeros(len(met))
    everywhere = np.ones(len(met), dtype=np.bool_)
    likely = met >= met.max(initial=0.0)
    among = matching if matching.any() else everywhere
    found: set[int] = set()
    for order in orders:
        rows = extreme_rows(reading, order, among)
        levels[rows] = np.maximum(levels[rows], _EXTREME if order.sure else _POSSIBLE)
        # Conditions that may be misread do not decide alone: what is extreme among the rows that fulfil them comes too.
        more = extreme_rows(reading, order, likely & among)
        levels[more] = np.maximum(levels[more], _LIKELY if order.sure else _POSSIBLE)
        if order.sure:
            found.update(rows, more)
    return found, levels


def _find_shown(asked: Asked, sure: list[Filter], orders: list[Order]) -> tuple[int, ...]:
    ordered = {order.column for order in orders if order.sure and order.column >= 0}
    return tuple(sorted({*_find_summed(asked), *ordered, *(column for one in sure for column in one.columns)}))


def _find_summed(asked: Asked) -> list[int]:
    """Columns whose whole header is in a question for a sum or a difference."""
    if asked.form.kind not in ("aggregate", "difference"):
        return []
    terms = {*asked.terms}
    return [column for column, header in enumerate(asked.reading.headers) if header and terms.issuperset(header)]


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
