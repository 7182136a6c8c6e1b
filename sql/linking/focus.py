"""One linker for small schemas, another for large ones (DFIN-SQL, arXiv 2408.00872; MAC-SQL, arXiv 2312.11242)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

from .base import LINKERS, Linker, as_linker
from .bypass import BypassLinker
from .ranked import RankedLinker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema.schema import Schema
    from ..values.base import ValueHit
    from .base import Linked

__all__ = ["FocusLinker"]


@LINKERS.register("focus.v1")
@dataclass(frozen=True)
class FocusLinker(Linker):
    """A schema is large when it has many columns in all, or many a table; MAC-SQL's limits, MAG-SQL has 25 and 5.

    Attributes:
        small: For small schemas; passes everything on unless told otherwise.
        large: For large ones.
        columns: A schema with more columns is large.
        per_table: One with more columns a table on average is large.

    Raises:
        UsageError: A limit that is negative or no number.
    """

    small: Linker = field(default_factory=BypassLinker)
    large: Linker = field(default_factory=RankedLinker)
    columns: int = 30
    per_table: float = 6.0

    def __post_init__(self) -> None:
        for linker in (self.small, self.large):
            as_linker(linker)  # checked here, and kept as it was given
        for name, value in (("columns", self.columns), ("per_table", self.per_table)):
            if math.isnan(value) or value < 0:
                raise UsageError(f"{name} is {value!r}", hint="give a number from 0 up")

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """Link one question with the linker that the schema's size asks for."""
        return self.chosen(schema).link(question, schema, hits=hits, evidence=evidence)

    def chosen(self, schema: Schema) -> Linker:
        """The linker for that schema."""
        per_table = schema.n_columns / max(len(schema.tables), 1)
        return self.large if schema.n_columns > self.columns or per_table > self.per_table else self.small

    @property
    def counter(self) -> object:
        """What the large schemas' linker counts tokens with; None for the bundled tokenizer."""
        return as_linker(self.large).counter
