"""`between A and B` and `from 2019 to 2021` mean one range of one column, whatever the slots made of its two ends."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .periods import is_year
from .query import Condition, Query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .analysis import Analysis, Value

__all__ = ["between_pairs", "with_ranges"]

Pair = tuple["Value", "Value"]
_SPANS = {("from", "to"), ("from", "till"), ("from", "until"), ("from", "through")}


def between_pairs(analysis: Analysis) -> tuple[Pair, ...]:
    """The two ends of every `between A and B`, of numbers or dates, and of every `from A to B`, of years or dates."""
    words = [token.text for token in analysis.tokens]
    pairs = []
    for low, high in zip(analysis.values, analysis.values[1:], strict=False):
        dated = low.kind == "date" or (is_year(low.value) and is_year(high.value))
        # Exactly "between A and B": a word more, and the two numbers may mean other things.
        around = (words[low.start - 1] if low.start else "", " ".join(words[low.end : high.start]))
        opened = around == ("between", "and") or (dated and around in _SPANS)
        if opened and low.kind == high.kind and low.kind in {"number", "date"}:
            pairs.append((low, high))
    return tuple(pairs)


def with_ranges(query: Query, pairs: Sequence[Pair]) -> Query:
    """`query` in which each pair that it uses, wholly or in part, is one BETWEEN of one column.

    The column is that of the first condition on either end; a condition on the other end is dropped, and so is an
    INTERSECT whose right side holds it. A query that uses neither end stays as it is.
    """
    for low, high in pairs:
        query = _with_range(query, low.value, high.value)
    return query


def _with_range(query: Query, low: float | str, high: float | str) -> Query:
    ends = (low, high)
    used = [condition for condition in query.where if condition.value in ends and not condition.item.agg]
    if not used:
        return query
    first = used[0]
    merged = Condition(first.item, "between", (low, high))
    where = tuple(merged if c is first else c for c in query.where if c is first or c not in used)
    right, compound = query.right, query.compound
    # The slots sometimes split a range into two queries; BETWEEN already says both.
    if compound == "intersect" and right is not None and any(c.value in ends for c in right.where):
        right, compound = None, ""
    changed = replace(query, where=where, right=right, compound=compound)
    return replace(changed, tables=_needed(query, changed))


def _needed(before: Query, after: Query) -> tuple[str, ...]:
    """The tables of `after`: those of `before` without the ones that only a dropped condition named."""
    held, had = after.named_tables, before.named_tables
    first, *others = before.tables
    return (first, *(table for table in others if table in held or table not in had))
