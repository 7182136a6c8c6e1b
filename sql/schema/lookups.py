"""Lookup tables: tables of kinds that other tables refer to, and the tables whose rows are of such a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.text.words import stem, words

if TYPE_CHECKING:
    from .schema import Schema, Table

__all__ = ["is_lookup", "referring_tables", "rows_of_kind"]

_KIND_NAMES = frozenset(
    map(
        stem,
        ("kind", "type", "category", "status", "state", "class", "group", "genre", "species", "breed", "level", "tier",
         "role", "grade", "lookup"),
    )
)  # fmt: skip
# Beside its key: a description, a short form, a remark. Whatever has more, or numbers and days, is an entity.
_MOST_COLUMNS = 3
_MOST_NAMED = 8
_TEXTS = ("char", "text", "clob", "string", "enum")


def is_lookup(schema: Schema, name: str) -> bool:
    """Whether a table only describes kinds of what other tables hold.

    It is referred to, refers to no table but itself, and has a key and a few texts, or is called so ("status", "type").

    Raises:
        SchemaError: There is no such table.
    """
    table = schema.table(name)
    refers = any(key.table == table.name and key.ref_table != table.name for key in schema.foreign_keys)
    if refers or not referring_tables(schema, name):
        return False
    others = [column for column in table.columns if column.name not in _keys(schema, table)]
    named = not _KIND_NAMES.isdisjoint(map(stem, words(table.bare.replace("_", " "))))
    if named:
        return len(others) <= _MOST_NAMED
    texts = all(not column.type or any(kind in column.type.casefold() for kind in _TEXTS) for column in others)
    return len(others) <= _MOST_COLUMNS and texts


def referring_tables(schema: Schema, name: str) -> tuple[str, ...]:
    """The other tables with a foreign key to a table, in the schema's order, each once; () for an unknown name."""
    found = [key.table for key in schema.foreign_keys if key.ref_table == name and key.table != name]
    return tuple(dict.fromkeys(found))


def rows_of_kind(schema: Schema, name: str) -> tuple[str, ...]:
    """The tables whose rows may be meant by a value of a lookup table, in the schema's order.

    A table of keys alone, which ties two tables together, stands for the tables on its other side.
    """
    found: list[str] = []
    for other in referring_tables(schema, name):
        table = schema.table(other)
        own = [key for key in schema.foreign_keys if key.table == other]
        linked = {column for key in own for column in key.columns}
        beyond = [key.ref_table for key in own if key.ref_table not in {name, other}]
        only_keys = all(column.name in linked or column.primary_key for column in table.columns)
        found += beyond if only_keys and beyond else [other]
    return tuple(dict.fromkeys(found))


def _keys(schema: Schema, table: Table) -> set[str]:
    """Columns that tell the rows of a table apart, or that others refer to."""
    targets = {column for key in schema.foreign_keys if key.ref_table == table.name for column in key.ref_columns}
    return {*table.primary_key, *targets}
