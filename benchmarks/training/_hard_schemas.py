"""Harder twins of training schemas: abbreviated names, and a database in which several others stand.

Public training sets mostly have clean names and small schemas; databases in use do not. The gold labels move along.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from ctxprune.sql.linking.gold import GoldLinks
from ctxprune.sql.schema.schema import ColumnRef, ForeignKey, Schema, Table
from ctxprune.text.words import split_identifier

__all__ = ["abbreviated", "merged"]

Relabel = Callable[[GoldLinks], GoldLinks]


def abbreviated(schema: Schema, seed: int) -> tuple[Schema, Relabel]:
    """A twin with names as people shorten them, and what turns gold links of `schema` into the twin's.

    Words lose their vowels or their ends, stick together or shrink to initials; a fifth of the twins have a table's
    initials before each column, a third write in capitals, a third keep the long name as a description, and a third
    have lost their foreign keys. Comments are dropped, since they would give the long names away.
    """
    rng = random.Random(f"{seed}{schema.name}")
    described, capitals, prefixed = rng.random() < 0.35, rng.random() < 0.3, rng.random() < 0.2
    tables: dict[str, str] = {}
    columns: dict[tuple[str, str], str] = {}
    for table in schema.tables:
        name = _short_name(table.name, rng) if rng.random() < 0.4 else table.name
        tables[table.name] = _fresh(name, tables.values())
        used: list[str] = []
        for column in table.columns:
            name = _short_name(column.name, rng)
            name = f"{table.name[:3].lower()}_{name}" if prefixed else name
            used.append(_fresh(name.upper() if capitals else name, used))
            columns[table.name, column.name] = used[-1]
    twins = []
    for table in schema.tables:
        entries = []
        for column in table.columns:
            text = (column.comment or " ".join(split_identifier(column.name))) if described else ""
            entries.append(replace(column, name=columns[table.name, column.name], comment="", description=text))
        twins.append(Table(tables[table.name], tuple(entries)))
    keys = () if rng.random() < 0.3 else _keys(schema, tables, columns)

    def relabel(gold: GoldLinks) -> GoldLinks:
        refs = frozenset(ColumnRef(tables[ref.table], columns[ref.table, ref.column]) for ref in gold.columns)
        return GoldLinks(frozenset(tables[name] for name in gold.tables), refs)

    return Schema(schema.name, tuple(twins), keys), relabel


def _keys(schema: Schema, tables: dict[str, str], columns: dict[tuple[str, str], str]) -> tuple[ForeignKey, ...]:
    table_of = {name.casefold(): twin for name, twin in tables.items()}
    column_of = {(table.casefold(), name.casefold()): twin for (table, name), twin in columns.items()}
    found = []
    for key in schema.foreign_keys:
        ends = []
        for table, names in ((key.table, key.columns), (key.ref_table, key.ref_columns)):
            ends += [
                table_of.get(table.casefold()),
                tuple(column_of.get((table.casefold(), n.casefold())) for n in names),
            ]
        if None not in (ends[0], ends[2], *ends[1], *ends[3]):
            found.append(ForeignKey(*ends))
    return tuple(found)


def _fresh(name: str, used) -> str:
    taken = {other.casefold() for other in used}
    while name.casefold() in taken:
        name += "2"
    return name


def _short_name(name: str, rng: random.Random) -> str:
    parts = split_identifier(name) or [name]
    kind = rng.random()
    if kind < 0.3:
        return name
    if kind < 0.45:
        return "".join(parts)
    if kind < 0.55 and len(parts) > 1:
        return "".join(part[0] for part in parts)
    return rng.choice(("_", "")).join(_short_word(part, rng) for part in parts)


def _short_word(word: str, rng: random.Random) -> str:
    kind = rng.random()
    if len(word) < 4 or kind >= 0.8:
        return word
    if kind < 0.4:
        return word[: rng.choice((3, 4))]
    return (word[0] + re.sub("[aeiouy]", "", word[1:]))[:5]


def merged(schema: Schema, others: Sequence[Schema], seed: int) -> Schema:
    """`schema` with the tables of two others among its own, in any order; tables of a name that is there stay out."""
    rng = random.Random(f"{seed}{schema.name}")
    tables, keys = list(schema.tables), list(schema.foreign_keys)
    names = {table.name.casefold() for table in tables}
    for other in rng.sample([other for other in others if other.name != schema.name], 2):
        new = [table for table in other.tables if table.name.casefold() not in names]
        added = {table.name.casefold() for table in new}
        tables += new
        names |= added
        keys += [key for key in other.foreign_keys if {key.table.casefold(), key.ref_table.casefold()} <= added]
    rng.shuffle(tables)
    return Schema(schema.name, tuple(tables), tuple(keys))
