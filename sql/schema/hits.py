"""Hits: what of a question is stored in a column, or may be compared with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .schema import ColumnRef

__all__ = ["RangeHit", "ValueHit"]


@dataclass(frozen=True, slots=True)
class ValueHit:
    """One stored value that a question seems to mention.

    Attributes:
        ref: The column that stores it.
        value: The stored value, exactly as it is in the database.
        span: Characters [start, end) of the question (then the evidence, joined by one newline) that matched.
        score: 0..1, higher is closer; 1.0 is equality after case and accent folding.
        stage: How it was found: "exact", "folded", "synonym", "prefix", "column" or "lsh"; "semantic" by ann.py.
        likelihood: 0..1, how likely the question means it, by what was learned from answered questions; hits are
            ordered by it. A word such as "name" may equal a stored value and still be unlikely.
        masked: The column's values must not be shown. Then `value` is what the question says; how the database spells
            it is not known to the index.

    Examples:
        ```python
        from ctxprune.sql import Database, ValueHit, ValueIndex


        def show(hit: ValueHit) -> str:
            return f"{hit.ref.table}.{hit.ref.column} = {hit.value!r}"


        with Database("shop.sqlite") as database:
            index = ValueIndex.build(database)
        print(show(index.lookup("customers in sao paulo")[0]))
        # customer.city_name = 'São Paulo'
        ```
    """

    ref: ColumnRef
    value: str
    span: tuple[int, int]
    score: float
    stage: str
    likelihood: float = 1.0
    masked: bool = False


@dataclass(frozen=True, slots=True)
class RangeHit:
    """A column that a number, year or day of the question may be compared with. It need not be stored there.

    Attributes:
        ref: The column.
        span: Characters [start, end) of the question (then the evidence, joined by one newline) that name it.
        kind: "number", "year", "month" or "date".
        low, high: SQL literals as the column writes them, equal for a single number or day; a year has its first and
            its last day where the column holds days. "" where a range of days cannot be told by comparison, since the
            column's texts do not sort as its days do.
        text: The column stores text, so that numbers in it need a CAST before they are compared by size.
        why: How it fits what the column holds: "one of 7 stored", "within 1960 to 2020", "within 2023-01-01 to
            2023-12-28" or "outside 0 to 10".
        likelihood: 0..1, how likely the column is the one that is meant; hits are ordered by it.
        inside: It lies between the smallest and the largest that the column holds.
    """

    ref: ColumnRef
    span: tuple[int, int]
    kind: str
    low: str
    high: str
    text: bool = False
    why: str = ""
    likelihood: float = 1.0
    inside: bool = True
