"""What the sketch generator knows about a schema before any question comes: names cut to words, kinds, keys, joins."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from ctxprune.text.abbreviations import spell_out
from ctxprune.text.words import split_identifier, stem

from ...schema.schema import Column, ColumnRef, Schema, Table
from .joins import JoinPaths
from .periods import date_columns
from .sql import SqlWriter
from .typed import ColumnTypes

__all__ = ["Name", "SchemaView"]

_NUMBER = re.compile(r"int|num|real|floa|doub|dec|money|serial|bit|year", re.IGNORECASE)
_DATE = re.compile(r"date|time", re.IGNORECASE)
_LAST_PARTS = ("id", "name", "code", "date", "type", "num", "no", "number", "time", "year")
_NAMES = ("name", "title", "label")
_MAX_NAME_WORDS = 6


@dataclass(frozen=True, slots=True)
class Name:
    """A schema name as stems with weights that sum to 1: rarer words of the schema weigh more."""

    stems: tuple[str, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What never changes about one column."""

    ref: ColumnRef
    table: int
    name: Name
    kind: str
    key: bool
    foreign: bool
    label: bool
    position: int
    twins: int


@dataclass(frozen=True)
class SchemaView:
    """A schema prepared for matching; build it with `SchemaView.of`. Immutable, safe to share between threads."""

    schema: Schema
    columns: tuple[ColumnFacts, ...]
    tables: tuple[Name, ...]
    graph: JoinPaths
    writer: SqlWriter
    index: dict[ColumnRef, int]
    folded: dict[tuple[str, str], ColumnRef]
    table_index: dict[str, int]
    column_words: dict[str, tuple[tuple[int, int], ...]]
    table_words: dict[str, tuple[tuple[int, int], ...]]
    labels: dict[int, int]
    keys: dict[int, int]
    vocabulary: tuple[str, ...]
    words: frozenset[str]
    short: dict[str, tuple[str, ...]]
    endings: dict[str, tuple[tuple[str, str], ...]]

    @classmethod
    def of(cls, schema: Schema) -> SchemaView:
        """Prepare `schema`; time and memory grow linearly with its columns."""
        table_stems = [_stems(table.comment, table.name) for table in schema.tables]
        column_stems = [_stems(c.comment, c.name) for table in schema.tables for c in table.columns]
        rarity = _rarity(column_stems)
        graph = JoinPaths(schema)
        columns = _facts(schema, column_stems, table_stems, rarity)
        tables = tuple(_name(stems, _rarity(table_stems), ()) for stems in table_stems)
        column_words = _postings([facts.name.stems for facts in columns])
        table_words = _postings([name.stems for name in tables])
        # SQLite compares values of any type; other databases refuse a text beside a number.
        types = None if schema.dialect == "sqlite" else ColumnTypes.of(schema)
        return cls(
            schema=schema,
            columns=columns,
            tables=tables,
            graph=graph,
            writer=SqlWriter(graph, schema.dialect, dates=date_columns(schema), types=types),
            # Reversed, so that of names that differ in case only the first one stays.
            folded={(f.ref.table.casefold(), f.ref.column.casefold()): f.ref for f in reversed(columns)},
            index={facts.ref: i for i, facts in enumerate(columns)},
            table_index={table.name: i for i, table in enumerate(schema.tables)},
            column_words=column_words,
            table_words=table_words,
            labels=_first(columns, [facts.label for facts in columns]),
            keys=_first(columns, [facts.key for facts in columns]),
            vocabulary=tuple(sorted(column_words.keys() | table_words.keys())),
            words=frozenset(column_words.keys() | table_words.keys()),
            short=_short(sorted(column_words.keys() | table_words.keys())),
            endings=_endings(sorted(column_words.keys())),
        )

    def known(self, ref: ColumnRef) -> ColumnRef | None:
        """The column in this schema's spelling, None if the schema lacks it."""
        return self.folded.get((ref.table.casefold(), ref.column.casefold()))

    def table_name(self, table: int) -> str:
        """Name of the table with that number."""
        return self.schema.tables[table].name


def _stems(comment: str, name: str) -> tuple[str, ...]:
    """Stems of the natural name where one came with the schema, else of the identifier."""
    natural = split_identifier(comment)
    if not natural or len(natural) > _MAX_NAME_WORDS:
        natural = spell_out(split_identifier(name))
    return tuple(stem(word) for word in natural) or (name.casefold(),)


def _rarity(names: list[tuple[str, ...]]) -> dict[str, float]:
    # Inverse document frequency over the names of the schema: "id" says little, "population" much.
    counts = Counter(word for name in names for word in set(name))
    return {word: math.log(1 + len(names) / count) for word, count in counts.items()}


def _name(stems: tuple[str, ...], rarity: dict[str, float], faint: tuple[str, ...]) -> Name:
    # The table's own name within a column ("city_name") adds little: it weighs less.
    raw = [rarity[word] * (0.4 if word in faint else 1.0) for word in stems]
    total = sum(raw) or 1.0
    return Name(stems, tuple(value / total for value in raw))


def _facts(
    schema: Schema,
    column_stems: list[tuple[str, ...]],
    table_stems: list[tuple[str, ...]],
    rarity: dict[str, float],
) -> tuple[ColumnFacts, ...]:
    foreign = {(key.table, name) for key in schema.foreign_keys for name in key.columns}
    twins = Counter(column_stems)
    facts: list[ColumnFacts] = []
    for number, table in enumerate(schema.tables):
        labelled = False
        for position, column in enumerate(table.columns):
            stems = column_stems[len(facts)]
            # The first column with a word like "name" is what people expect to see of a row.
            label = not labelled and any(word in stems for word in _NAMES)
            labelled = labelled or label
            facts.append(
                ColumnFacts(
                    ref=ColumnRef(table.name, column.name),
                    table=number,
                    name=_name(stems, rarity, table_stems[number] if len(stems) > 1 else ()),
                    kind=_kind(column, stems),
                    key=column.primary_key or _is_first_id(table, position, stems),
                    foreign=(table.name, column.name) in foreign,
                    label=label,
                    position=position,
                    twins=twins[stems],
                )
            )
    return tuple(facts)


def _is_first_id(table: Table, position: int, stems: tuple[str, ...]) -> bool:
    return position == 0 and not table.primary_key and "id" in stems


def _kind(column: Column, stems: tuple[str, ...]) -> str:
    # Before the types: ids are numbers that nobody compares by size.
    if "id" in stems:
        return "id"
    if _DATE.search(column.type):
        return "date"
    if _NUMBER.search(column.type):
        return "number"
    return "text" if column.type or stems else "other"


def _short(words: list[str]) -> dict[str, tuple[str, ...]]:
    """Words of three to five letters, which may be abbreviations, by first letter."""
    found: dict[str, list[str]] = defaultdict(list)
    for word in words:
        if 3 <= len(word) <= 5 and word.isalpha():
            found[word[0]].append(word)
    return {letter: tuple(group) for letter, group in found.items()}


def _endings(words: list[str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Stems run together with a common last part ("stuid", "fname"), by that part: the stem and what stands before."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for word in words:
        for ending in _LAST_PARTS:
            cut = ending.removesuffix("e")  # stems of more than four letters have lost it
            if word.endswith((ending, cut)) and len(word) > len(cut):
                found[ending].append((word, word.removesuffix(ending).removesuffix(cut)))
    return {ending: tuple(group) for ending, group in found.items()}


def _postings(names: list[tuple[str, ...]]) -> dict[str, tuple[tuple[int, int], ...]]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, stems in enumerate(names):
        for position, word in enumerate(stems):
            found[word].append((number, position))
    return {word: tuple(places) for word, places in found.items()}


def _first(columns: tuple[ColumnFacts, ...], flags: list[bool]) -> dict[int, int]:
    chosen: dict[int, int] = {}
    for number, (facts, flag) in enumerate(zip(columns, flags, strict=True)):
        if flag:
            chosen.setdefault(facts.table, number)
    return chosen
