"""CREATE TABLE statements, with comments and examples as SQL comments."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..schema.schema import ColumnRef
from ._text import MAX_COMMENT, datum, quoted_name, same_words, type_name
from .base import hit_values, shown_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema.schema import Column, ForeignKey, Schema, Table
    from ..values.base import ValueHit

__all__ = ["DDL"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = """
add all alter analyze and any as asc between both by case cast check collate column constraint create cross
current_date current_time current_timestamp current_user database default delete desc describe distinct drop else
end escape except exists explain false fetch filter for foreign from full function grant group groups having if in
index inner insert intersect interval into is isnull join key keys lateral leading left like limit localtime
localtimestamp match natural no not notnull null of offset on only or order outer over partition primary procedure
range rank recursive references regexp release rename replace returning right rollback row rows select set show some
system table then to trailing transaction trigger true union unique update user using values view virtual when where
window with without
"""
_RESERVED = frozenset(_WORDS.split())


def _written(name: str, dialect: str = "sqlite") -> str:
    """`name` as the dialect writes it: bare when that is safe, else in the dialect's quotation marks.

    PostgreSQL folds bare names to lower case, so there a name with capitals is quoted too.
    """
    plain = _PLAIN.fullmatch(name) and name.lower() not in _RESERVED
    if plain and not (dialect == "postgres" and name != name.lower()):
        return name
    return quoted_name(name, "`" if dialect == "mysql" else '"')


@dataclass(frozen=True)
class DDL:
    """One CREATE TABLE statement a table, quoted for the schema's dialect; views are written as tables.

    Attributes:
        examples: Show example values in the comment of a column.
        comments: Show comments; a column without one shows its description.
    """

    examples: bool = True
    comments: bool = True

    def render(self, schema: Schema, *, hits: Sequence[ValueHit] = ()) -> str:
        """Statements separated by one empty line."""
        matched = hit_values(hits)
        return "\n\n".join(self._table(schema, table, matched) for table in schema.tables)

    def _table(self, schema: Schema, table: Table, matched: dict[ColumnRef, list[str]]) -> str:
        lines = [self._column(schema, table, column, matched) for column in table.columns]
        lines += [(text, "") for text in _constraints(schema, table)]
        body = []
        for index, (text, note) in enumerate(lines):
            comma = "," if index < len(lines) - 1 else ""
            body.append(f"  {text}{comma}" + (f" -- {note}" if note else ""))
        note = self._comment(table.name, table.comment, table.description)
        head = f"CREATE TABLE {_label(schema, table.name)} (" + (f" -- {note}" if note else "")
        return "\n".join([head, *body, ");"])

    def _column(
        self, schema: Schema, table: Table, column: Column, matched: dict[ColumnRef, list[str]]
    ) -> tuple[str, str]:
        declared = type_name(column.type)
        text = _written(column.name, schema.dialect) + (f" {declared}" if declared else "")
        if table.primary_key == (column.name,):
            text += " PRIMARY KEY"
        elif not column.nullable:
            text += " NOT NULL"
        notes = [self._comment(column.name, column.comment, column.description)]
        if self.examples:
            values = matched.get(ColumnRef(table.name.casefold(), column.name.casefold()), [])
            shown = shown_values(column, values)
            notes.append(f"examples: {', '.join(shown)}" if shown else "")
        return text, "; ".join(filter(None, notes))

    def _comment(self, identifier: str, *texts: str) -> str:
        for text in texts if self.comments else ():
            stripped = text.strip()
            if stripped and not same_words(stripped, identifier):
                return datum(stripped, MAX_COMMENT)
        return ""


def _constraints(schema: Schema, table: Table) -> list[str]:
    lines = []
    if len(table.primary_key) > 1:
        lines.append(f"PRIMARY KEY ({_names(schema, table.primary_key)})")
    fold = table.name.casefold()
    lines.extend(_reference(schema, key) for key in schema.foreign_keys if key.table.casefold() == fold)
    return lines


def _reference(schema: Schema, key: ForeignKey) -> str:
    there = f"{_label(schema, key.ref_table)} ({_names(schema, key.ref_columns)})"
    return f"FOREIGN KEY ({_names(schema, key.columns)}) REFERENCES {there}"


def _names(schema: Schema, columns: tuple[str, ...]) -> str:
    return ", ".join(_written(column, schema.dialect) for column in columns)


def _label(schema: Schema, name: str) -> str:
    table = schema.table(name) if name in schema else None
    if table is None or not table.namespace:
        return _written(name, schema.dialect)
    return f"{_written(table.namespace, schema.dialect)}.{_written(table.bare, schema.dialect)}"
