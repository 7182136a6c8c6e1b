"""Soft linking: every column stays visible, only likely ones come with details (MAG-SQL, arXiv 2408.07930)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..schema.schema import ColumnRef
from .base import LINKERS, Linker, as_linker
from .ranked import RankedLinker
from .wrapped import counter_of, with_schema

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..schema.schema import Schema, Table
    from ..values.base import ValueHit
    from .base import Linked

__all__ = ["SoftLinker"]


@LINKERS.register("soft.v1")
@dataclass(frozen=True)
class SoftLinker(Linker):
    """All tables and columns; those that the inner linker would drop by their names alone.

    They lose type, comment, description and examples, in every renderer, and are missing from `Linked.detailed`, so
    that no examples are added later. Names, primary and foreign keys stay.

    Attributes:
        inner: Tells which columns are likely.
    """

    inner: Linker = field(default_factory=RankedLinker)

    def __post_init__(self) -> None:
        as_linker(self.inner)  # checked here, and kept as it was given: its own attributes stay within reach

    @property
    def wrapped(self) -> Linker:
        """The inner linker."""
        return self.inner

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """Link one question."""
        linked = self.inner.link(question, schema, hits=hits, evidence=evidence)
        detailed = linked.kept
        kept = {table.name for table in linked.schema.tables}
        soft = replace(schema, tables=tuple(_bare(table, detailed, table.name in kept) for table in schema.tables))
        reasons = {ref: linked.reasons.get(ref, ("only named",)) for ref in schema.refs()}
        return replace(with_schema(linked, soft, reasons, counter_of(self)), detailed=detailed)


def _bare(table: Table, detailed: Collection[ColumnRef], kept: bool) -> Table:
    columns = tuple(
        column
        if ColumnRef(table.name, column.name) in detailed
        else replace(column, type="", comment="", description="", examples=())
        for column in table.columns
    )
    return replace(table, columns=columns) if kept else replace(table, columns=columns, comment="", description="")
