"""M-Schema: the semi-structured form of XiYan-SQL (Gao et al., 2024, arXiv:2411.08599)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..schema.schema import ColumnRef
from ._text import MAX_COMMENT, datum, name, same_words, type_name
from .base import hit_values, key_label, shown_values, table_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema.schema import Column, Schema, Table
    from ..values.base import ValueHit

__all__ = ["MSchema"]


@dataclass(frozen=True)
class MSchema:
    """`(column:TYPE, comment, Primary Key, Examples: [a, b, c])`, one line a column, tables and keys under headings.

    Attributes:
        examples: Show example values.
        comments: Show comments; a column without one shows its description.
        repeated_comments: Also show comments that only repeat the name, which cost tokens and say nothing.
    """

    examples: bool = True
    comments: bool = True
    repeated_comments: bool = False

    def render(self, schema: Schema, *, hits: Sequence[ValueHit] = ()) -> str:
        """M-Schema text; the heading of the keys is left out when there are none."""
        matched = hit_values(hits)
        lines = [f"【DB_ID】 {name(schema.name)}", "【Schema】"]
        for table in schema.tables:
            comment = self._comment(table.name, table.comment, table.description)
            lines.append(f"# Table: {table_label(table)}" + (f", {comment}" if comment else ""))
            fields = [self._field(table, column, matched) for column in table.columns]
            lines += ["[", ",\n".join(fields), "]"] if fields else ["[", "]"]
        if schema.foreign_keys:
            lines.append("【Foreign keys】")
            lines += [key_label(schema, key) for key in schema.foreign_keys]
        return "\n".join(lines)

    def _field(self, table: Table, column: Column, matched: dict[ColumnRef, list[str]]) -> str:
        declared = type_name(column.type)
        parts = [name(column.name) + (f":{declared}" if declared else "")]
        comment = self._comment(column.name, column.comment, column.description)
        if comment:
            parts.append(comment)
        if column.primary_key:
            parts.append("Primary Key")
        if self.examples:
            values = matched.get(ColumnRef(table.name.casefold(), column.name.casefold()), [])
            shown = shown_values(column, values)
            if shown:
                parts.append(f"Examples: [{', '.join(shown)}]")
        return f"({', '.join(parts)})"

    def _comment(self, identifier: str, *texts: str) -> str:
        for text in texts if self.comments else ():
            stripped = text.strip()
            if stripped and (self.repeated_comments or not same_words(stripped, identifier)):
                return datum(stripped, MAX_COMMENT)
        return ""
