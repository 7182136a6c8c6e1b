"""A linker that keeps what an earlier question of the conversation was linked to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

from ..render.base import render
from .base import LINKERS, Linker, as_linker
from .wrapped import counter_of, with_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema.schema import ColumnRef, Schema
    from ..values.base import ValueHit
    from .base import Linked

__all__ = ["CARRIED", "CarriedLinker"]

CARRIED = "earlier question"


@LINKERS.register("carried.v1")
@dataclass(frozen=True)
class CarriedLinker(Linker):
    """What the inner linker keeps, and of the columns that an earlier question kept as many as the budget holds.

    A follow-up is mostly about what the question before it was about. What the inner linker keeps is never cut.

    Attributes:
        inner: The linker of a question by itself.
        earlier: The columns of the earlier question, those first that matter most; those that the schema lacks do not
            count.
        budget: Tokens that the schema may take with them, by the inner linker's count, from 0 up.

    Raises:
        UsageError: The budget is negative.
    """

    inner: Linker
    earlier: tuple[ColumnRef, ...] = ()
    budget: int = 1_000

    def __post_init__(self) -> None:
        as_linker(self.inner)  # checked here, and kept as it was given: its own attributes stay within reach
        if self.budget < 0:
            raise UsageError(f"budget is {self.budget}", where="budget", hint="give a number from 0 up")

    @property
    def wrapped(self) -> Linker:
        """The inner linker."""
        return self.inner

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """Link one question."""
        linked = self.inner.link(question, schema, hits=hits, evidence=evidence)
        known = frozenset(schema.refs())
        wanted = [ref for ref in self.earlier if ref in known and ref not in linked.kept]
        counter = counter_of(self.inner)
        # the largest number of earlier columns that fits, by bisection
        fits, low, high = linked, 0, len(wanted)
        while low < high:  # more columns never take fewer tokens
            middle = (low + high + 1) // 2
            wider = with_columns(linked, wanted[:middle], CARRIED, counter)
            tokens = wider.tokens_after or counter.count(render(wider.schema))
            if tokens <= self.budget:
                fits, low = wider, middle
            else:
                high = middle - 1
        return fits
