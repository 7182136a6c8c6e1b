"""One line a table: the cheapest form that still names everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..schema.schema import ColumnRef
from ._text import name
from .base import hit_values, key_label, shown_values, table_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema.schema import Column, Schema, Table
    from ..values.base import ValueHit

__all__ = ["Compact"]


@dataclass(frozen=True)
class Compact:
    """`table(column, column [matched value], ...)` a line, then one line `a.b=c.d` a foreign key."""

    def render(self, schema: Schema, *, hits: Sequence[ValueHit] = ()) -> str:
        """The lines; "" for a schema without tables."""
        matched = hit_values(hits)
        lines = [_table(table, matched) for table in schema.tables]
        lines += [key_label(schema, key) for key in schema.foreign_keys]
        return "\n".join(lines)


def _table(table: Table, matched: dict[ColumnRef, list[str]]) -> str:
    return f"{table_label(table)}({', '.join(_column(table, column, matched) for column in table.columns)})"


def _column(table: Table, column: Column, matched: dict[ColumnRef, list[str]]) -> str:
    values = matched.get(ColumnRef(table.name.casefold(), column.name.casefold()))
    if not values:
        return name(column.name)
    return f"{name(column.name)} [{', '.join(shown_values(column, values)[: len(values)])}]"
