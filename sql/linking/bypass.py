"""No linking where the whole schema fits: everything is passed on, and only ranked.

With a strong model a column that was wrongly left out costs more than many that were not needed (Maamari et al. 2024,
"The Death of Schema Linking?", arXiv 2408.07702).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

from .base import LINKERS, Linker, as_linker
from .ranked import RankedLinker
from .wrapped import counter_of, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..schema.schema import Schema
    from ..values.base import ValueHit
    from .base import Linked

__all__ = ["BypassLinker"]


@LINKERS.register("bypass.v1")
@dataclass(frozen=True)
class BypassLinker(Linker):
    """The whole schema where it fits the budget, with the inner linker's scores; else what the inner linker keeps.

    Attributes:
        inner: Ranks, and prunes where it must.
        budget: Tokens of the whole schema as M-Schema, by the inner linker's counter, up to which nothing is pruned:
            about 4,000 for small models, 32,000 for strong ones.

    Raises:
        UsageError: A negative budget.
    """

    inner: Linker = field(default_factory=RankedLinker)
    budget: int = 4_000

    def __post_init__(self) -> None:
        as_linker(self.inner)  # checked here, and kept as it was given: its own attributes stay within reach
        if self.budget < 0:
            raise UsageError(f"budget is {self.budget!r}", hint="give a number of tokens from 0 up")

    @property
    def wrapped(self) -> Linker:
        """The inner linker."""
        return self.inner

    def link(self, question: str, schema: Schema, *, hits: Sequence[ValueHit] = (), evidence: str = "") -> Linked:
        """Link one question."""
        linked = self.inner.link(question, schema, hits=hits, evidence=evidence)
        if linked.schema is linked.full or linked.tokens_before > self.budget:
            return linked
        return whole(linked, f"the whole schema fits {self.budget} tokens", counter_of(self))
