"""What databases with typed columns ask of a query: SQLite, whose cells have types of their own, takes any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...database.drivers.typed import TypedSamples
from .query import Condition, Query

if TYPE_CHECKING:
    from ...schema.schema import ColumnRef, Schema
    from .query import Item, Literal

__all__ = ["ColumnTypes"]


@dataclass(frozen=True)
class ColumnTypes:
    """What the columns of a schema hold.

    Attributes:
        texts: Columns of texts; days and times are none.
        numbers: Columns of numbers.
    """

    texts: frozenset[ColumnRef]
    numbers: frozenset[ColumnRef]

    @classmethod
    def of(cls, schema: Schema) -> ColumnTypes:
        """By the declared types."""
        kinds = TypedSamples()
        columns = {ref: schema.table(ref.table).column(ref.column) for ref in schema.refs()}
        texts = {ref for ref, one in columns.items() if kinds.holds_text(one) and not kinds.holds_day(one)}
        return cls(frozenset(texts), frozenset(ref for ref, one in columns.items() if kinds.holds_number(one)))

    def fit(self, query: Query) -> Query:
        """The same question: literals have their column's type, and one value of each group stands for a column that is
        selected beside groups without being grouped by, as SQLite has it.

        Queries inside it stay as they are, since each is fitted when it is written.
        """
        query = replace(query, where=tuple(map(self._condition, query.where)))
        if query.group:
            select, order = (
                tuple(self._one(item, query.group) for item in items) for items in (query.select, query.order)
            )
            query = replace(query, select=select, order=order)
        return query

    def _one(self, item: Item, group: tuple[ColumnRef, ...]) -> Item:
        # SQLite gives any value of the group for such a column; MIN gives one that other databases accept.
        if item.agg or item.ref is None or item.ref in group:
            return item
        return replace(item, agg="min")

    def _condition(self, condition: Condition) -> Condition:
        value, ref = condition.value, condition.item.ref
        if ref is None or condition.item.agg or value is None or isinstance(value, Query):
            return condition
        if isinstance(value, tuple):
            return replace(condition, value=(self._literal(ref, value[0]), self._literal(ref, value[1])))
        return replace(condition, value=self._literal(ref, value))

    def _literal(self, ref: ColumnRef, value: Literal) -> Literal:
        if ref in self.texts:
            return str(value)
        if ref in self.numbers and isinstance(value, str):
            try:
                return float(value) if not value.strip().isdecimal() else int(value)
            except ValueError:
                return value
        return value
