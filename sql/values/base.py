"""What a value index answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..schema.hits import RangeHit, ValueHit

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RangeHit", "ValueHit", "ValueLookup"]


class ValueLookup(Protocol):
    """Finds stored values that a text mentions; best first, at most a few per column.

    It may also have `ranges(question, evidence)`, which gives a `RangeHit` for each column that a number or day of the
    text may be compared with, the likeliest first; and `within(columns)`, which gives a look-up of these columns alone,
    whose answers depend on no value of another column. A pipeline for callers who may see a part of a database, or with
    private columns, needs the latter. One that wraps a look-up, which may lack it, says so by `leaves_out`, a bool.
    """

    def lookup(self, question: str, evidence: str = "") -> Sequence[ValueHit]:
        """Hits for one question; () for an empty one."""
        ...
