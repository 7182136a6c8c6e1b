"""The parts of a query that words of a question may ask for, as data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..schema.schema import ColumnRef
    from .reading import Part

__all__ = ["Aggregate", "Literal", "Order", "Output", "QueryParts", "Test"]


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number or day that is written in the query.

    Attributes:
        text: As written, without quotes.
        number: Its value where it is one, texts such as '2023' too.
        op: How it is compared; "limit", or "" where it is no side of a comparison.
        columns: What it is compared with.
        counted: It is compared with an aggregate.
        part: For the account.
    """

    text: str
    number: float | None
    op: str
    columns: tuple[ColumnRef, ...]
    counted: bool
    part: Part


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate function: its name in capitals ("COUNT"), columns, whether DISTINCT, and whether it is shown."""

    name: str
    columns: tuple[ColumnRef, ...]
    distinct: bool
    shown: bool
    part: Part


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an ORDER BY, and the LIMIT beside it (None without one); `counted` where it is an aggregate."""

    descending: bool
    counted: bool
    columns: tuple[ColumnRef, ...]
    limit: int | None
    part: Part


@dataclass(frozen=True, slots=True)
class Test:
    """A comparison: its operator, columns, whether it is negated, and what stands on its sides."""

    op: str
    columns: tuple[ColumnRef, ...]
    negated: bool
    nested: bool
    literal: bool
    counted: bool
    part: Part


@dataclass(frozen=True, slots=True)
class Output:
    """One item of the outermost SELECT list: its stored columns, whether it is `*`, and whether it is aggregated."""

    refs: tuple[ColumnRef, ...]
    star: bool
    aggregate: bool


@dataclass
class QueryParts:
    """Everything that one query asks for, in the order of the query.

    Attributes:
        tables: Stored tables.
        columns: Stored columns, without those that only join.
        linking: Columns that only join.
        shown: Columns in the outermost SELECT list, aggregated ones included.
        outputs: The items of that list.
        counted: Tables whose rows the outermost SELECT counts, those that a counted reference leads to, too.
        hollow: They only repeat what the query says: columns that its own equality fixes, or a count of one key.
        vacuous: A reference is not to be among the keys that it refers to, which no row fulfils.
        negations: NOT, !=, IS NULL, EXCEPT, NOT EXISTS and comparisons with 0, 'N' and the like.
        functions: By what they do: "year", "month", "now", "div", "sub", "length", "case".
        combined: INTERSECT, UNION, EXCEPT and OR.
    """

    tables: dict[str, Part] = field(default_factory=dict)
    columns: dict[ColumnRef, Part] = field(default_factory=dict)
    linking: dict[ColumnRef, Part] = field(default_factory=dict)
    shown: tuple[ColumnRef, ...] = ()
    outputs: tuple[Output, ...] = ()
    counted: tuple[str, ...] = ()
    hollow: bool = False
    vacuous: bool = False
    literals: list[Literal] = field(default_factory=list)
    tests: list[Test] = field(default_factory=list)
    aggregates: list[Aggregate] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    limits: list[Part] = field(default_factory=list)
    groups: list[tuple[tuple[ColumnRef, ...], Part]] = field(default_factory=list)
    negations: list[Part] = field(default_factory=list)
    distinct: list[Part] = field(default_factory=list)
    functions: dict[str, list[Part]] = field(default_factory=dict)
    combined: dict[str, Part] = field(default_factory=dict)
