"""What a step is, and what is known of a question between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...generate.base import Candidate
    from ...knowledge.recall import Recalled
    from ...linking.base import Linked
    from ...linking.doubts import Doubt
    from ...rewrite.base import Rewritten
    from ...schema.schema import Schema
    from ...select.base import Executed, Selection
    from ...values.base import RangeHit, ValueHit

__all__ = ["Refusal", "State", "Step"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no answer.

    Attributes:
        kind: "write_request" (the question asks for a change), "unanswerable" (no generator found a query), "failed"
            (no candidate could be run), or "model" (every model failed).
        reason: A polite sentence for the person who asked.
    """

    kind: str
    reason: str


@dataclass(frozen=True)
class State:
    """What is known about one question so far; a step never changes it, it makes the next one.

    `shown` is the linked schema with example values, `known` what the team's knowledge gives to the question,
    `rewritten` how it came about from a follow-up question, `doubts` its words that mean nothing in the schema.
    """

    question: str
    schema: Schema
    evidence: str = ""
    hits: Sequence[ValueHit] = ()
    ranges: Sequence[RangeHit] = ()
    linked: Linked | None = None
    shown: Schema | None = None
    candidates: Sequence[Candidate] = ()
    executed: Sequence[Executed] = ()
    selection: Selection | None = None
    refusal: Refusal | None = None
    known: Recalled | None = None
    rewritten: Rewritten | None = None
    doubts: Sequence[Doubt] = ()

    @property
    def told(self) -> str:
        """The evidence with the terms and notes that are known, parted by semicolons; on one line where it has one."""
        return "; ".join(filter(None, (self.evidence, *(self.known.hints if self.known is not None else ()))))


class Step(Protocol):
    """One step. Safe to share between threads. After a refusal no further step runs."""

    @property
    def name(self) -> str:
        """For traces."""
        ...

    def run(self, state: State) -> State:
        """The next state."""
        ...
