"""A schema as a context: tables and their columns are the units that a question keeps or drops."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from ctxprune.context.base import Context, Unit

from ..render._text import datum, same_words
from ..schema.schema import ColumnRef
from .statistics import SchemaStatistics
from .words import natural

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ctxprune.context.scores import Scores

    from ..schema.schema import Column, Schema, Table
    from ..values.base import ValueHit

__all__ = ["SchemaContext"]


class SchemaContext(Context["Schema"]):
    """A schema as a context; renders as a `Schema`.

    Units are each table followed by its columns, in schema order; a column's parent is its table, and a table requires
    its primary key, without which its rows can be neither counted nor joined.

    Args:
        schema: What is pruned.
        hits: Stored values that the question mentions; they are part of their column's text. Columns that they spell in
            another case are spelled as in the schema.
        evidence: Extra knowledge that came with the question.
        statistics: Of this schema, if they are at hand.
    """

    def __init__(
        self,
        schema: Schema,
        *,
        hits: Sequence[ValueHit] = (),
        evidence: str = "",
        statistics: SchemaStatistics | None = None,
    ) -> None:
        self.schema, self.evidence = schema, evidence
        self.hits = tuple(_spelled(hit, schema) for hit in hits)
        self._statistics = statistics
        matched: dict[ColumnRef, list[str]] = {}
        for hit in self.hits:
            matched.setdefault(hit.ref, []).append(hit.value)
        units: list[Unit] = []
        refs: list[ColumnRef | None] = []
        for table in schema.tables:
            parent = len(units)
            keys = tuple(parent + 1 + i for i, column in enumerate(table.columns) if column.primary_key)
            units.append(Unit(_table_text(table), requires=keys))
            refs.append(None)
            for column in table.columns:
                ref = ColumnRef(table.name, column.name)
                units.append(Unit(_column_text(table, column, matched.get(ref, ())), parent=parent))
                refs.append(ref)
        self._units, self.refs = tuple(units), tuple(refs)

    @property
    def units(self) -> Sequence[Unit]:
        """One unit a table and one a column."""
        return self._units

    @cached_property
    def statistics(self) -> SchemaStatistics:
        """What does not depend on the question."""
        return self._statistics or SchemaStatistics(self.schema)

    @cached_property
    def table_units(self) -> tuple[int, ...]:
        """Index of the unit of each table, in schema order."""
        return tuple(index for index, ref in enumerate(self.refs) if ref is None)

    @cached_property
    def column_units(self) -> tuple[int, ...]:
        """Index of the unit of each column, in schema order."""
        return tuple(index for index, ref in enumerate(self.refs) if ref is not None)

    def lifted(self, scores: Scores) -> Scores:
        """`scores`, float32 (n_units,), changed in place: a column with a value hit has at least the hit's score."""
        for hit in self.hits:
            place = self.statistics.position.get(hit.ref)
            if place is not None:
                unit = self.column_units[place]
                scores[unit] = max(scores[unit], hit.score)
        return scores

    def render(self, kept: Collection[int]) -> Schema:
        """The schema with only these tables and columns; keys stay where both ends stay."""
        columns = [ref for index in kept if (ref := self.refs[index]) is not None]
        names = {index: table.name for index, table in zip(self.table_units, self.schema.tables, strict=True)}
        return self.schema.subset(columns, [names[index] for index in kept if index in names])


def _spelled(hit: ValueHit, schema: Schema) -> ValueHit:
    """The hit with its column as the schema spells it; a hit of another schema as it is."""
    if hit.ref.table not in schema or hit.ref.column not in (table := schema.table(hit.ref.table)):
        return hit
    ref = ColumnRef(table.name, table.column(hit.ref.column).name)
    return hit if ref == hit.ref or hit.ref in schema.refs() else replace(hit, ref=ref)


def _table_text(table: Table) -> str:
    return " ".join(_parts(table.name, table.comment, table.description))


def _column_text(table: Table, column: Column, matched: Sequence[str]) -> str:
    parts = [*_parts(column.name, column.comment, column.description), natural(table.name)]
    return " ".join([*parts, *(datum(value) for value in matched)])


def _parts(name: str, comment: str, description: str) -> list[str]:
    shown = [natural(name) or name]
    shown += [text for text in (comment, description) if text and not same_words(text, name)]
    return shown
