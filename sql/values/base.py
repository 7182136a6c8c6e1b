"""What a value index answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema import ColumnRef

__all__ = ["ValueHit", "ValueLookup"]


@dataclass(frozen=True, slots=True)
class ValueHit:
    """One stored value that a question seems to mention.

    Attributes:
        ref: The column that stores it.
        value: The stored value, exactly as it is in the database.
        span: Characters [start, end) of the question (then the evidence, joined by one newline) that matched.
        score: 0..1, higher is closer; 1.0 is equality after case and accent folding.
        stage: How it was found: "exact", "folded", "synonym", "prefix" or "lsh".
        likelihood: 0..1, how likely the question means it, by what was learned from answered questions; hits are
            ordered by it. A word such as "name" may equal a stored value and still be unlikely.
    """

    ref: ColumnRef
    value: str
    span: tuple[int, int]
    score: float
    stage: str
    likelihood: float = 1.0


class ValueLookup(Protocol):
    """Finds stored values that a text mentions; best first, at most a few per column."""

    def lookup(self, question: str, evidence: str = "") -> Sequence[ValueHit]:
        """Hits for one question; () for an empty one."""
        ...
