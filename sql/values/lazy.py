"""A value index that is built when it is first asked."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from .base import ValueLookup

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..database.database import Database
    from ..schema.schema import ColumnRef, Schema
    from .base import RangeHit, ValueHit
    from .index import ValueIndex
    from .visible import VisibleIndex

__all__ = ["LazyIndex"]


class LazyIndex(ValueLookup):
    """A value index that is built in memory when it is first asked.

    Args:
        database: Where the values are.
        schema: Columns outside it are never read.
        private: Columns of it that are not read either.
    """

    def __init__(self, database: Database, schema: Schema, private: Sequence[ColumnRef] = ()) -> None:
        self._database, self._schema, self._private = database, schema, tuple(private)
        self._index: ValueIndex | None = None
        self._lock = threading.Lock()

    def lookup(self, question: str, evidence: str = "") -> Sequence[ValueHit]:
        """As `ValueIndex.lookup`."""
        return self._built().lookup(question, evidence)

    def ranges(self, question: str, evidence: str = "") -> Sequence[RangeHit]:
        """As `ValueIndex.ranges`."""
        return self._built().ranges(question, evidence)

    def within(self, columns: Collection[ColumnRef]) -> VisibleIndex:
        """As `ValueIndex.within`."""
        return self._built().within(columns)

    def _built(self) -> ValueIndex:
        with self._lock:
            if self._index is None:
                from .index import ValueIndex

                self._index = ValueIndex.build(self._database, schema=self._schema, exclude=self._private)
            return self._index
