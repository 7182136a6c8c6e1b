"""What a step is, and what is known of a question between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..generate.base import Candidate
    from ..linking.base import Linked
    from ..schema import Schema
    from ..select.base import Executed, Selection
    from ..values.base import ValueHit

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

    `shown` is the linked schema with example values.
    """

    question: str
    schema: Schema
    evidence: str = ""
    hits: Sequence[ValueHit] = ()
    linked: Linked | None = None
    shown: Schema | None = None
    candidates: Sequence[Candidate] = ()
    executed: Sequence[Executed] = ()
    selection: Selection | None = None
    refusal: Refusal | None = None


class Step(Protocol):
    """One step. Safe to share between threads. After a refusal no further step runs."""

    @property
    def name(self) -> str:
        """For traces."""
        ...

    def run(self, state: State) -> State:
        """The next state."""
        ...
