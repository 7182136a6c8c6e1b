"""One line a table: the cheapest form that still names everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..schema import ColumnRef
from ._text import name
from .base import hit_values, shown_values, table_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema import Column, Schema, Table
    from ..values.base import ValueHit

__all__ = ["Compact"]


@dataclass(frozen=True)
class Compact:
    """`table(column, column [matched value], ...)` a line, then one line `a.b=c.d` a foreign key."""

    def render(self, schema: Schema, *, hits: Sequence[ValueHit] = ()) -> str:
        """The lines; "" for a schema without tables."""
        matched = hit_values(hits)
        lines = [_table(table, matched) for table in schema.tables]
        for key in schema.foreign_keys:
            here = _end(schema, key.table, key.columns)
            lines.append(f"{here}={_end(schema, key.ref_table, key.ref_columns)}")
        return "\n".join(lines)


def _table(table: Table, matched: dict[ColumnRef, list[str]]) -> str:
    return f"{name(table_label(table))}({', '.join(_column(table, column, matched) for column in table.columns)})"


def _column(table: Table, column: Column, matched: dict[ColumnRef, list[str]]) -> str:
    values = matched.get(ColumnRef(table.name.casefold(), column.name.casefold()))
    if not values:
        return name(column.name)
    return f"{name(column.name)} [{', '.join(shown_values(column, values)[: len(values)])}]"


def _end(schema: Schema, table: str, columns: tuple[str, ...]) -> str:
    label = name(table_label(schema.table(table)) if table in schema else table)
    names = ", ".join(name(column) for column in columns)
    return f"{label}.{names}" if len(columns) == 1 else f"{label}.({names})"
