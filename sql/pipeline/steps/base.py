"""The interface of steps, and the state that one hands to the next."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import check_method, optional_member

from ...select.base import SelectionContext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from ...generate.base import Candidate
    from ...knowledge.recall import Recalled
    from ...linking.doubts import Doubt
    from ...rewrite.base import Rewritten
    from ...schema.hits import RangeHit, ValueHit
    from ...schema.linked import Linked
    from ...schema.schema import ColumnRef, Schema
    from ...select.base import Executed, Selection
    from ...trust.model import JudgedGroup
    from ...trust.outcome import Assessment

__all__ = ["Refusal", "State", "Step", "as_step"]


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
    """Everything about one question so far. A step never changes a state, it returns the next one.

    Attributes:
        question: The user's words, completed where it was a follow-up question.
        schema: What the caller may see.
        evidence: Extra knowledge that came with the question.
        hits: Stored values that the question mentions.
        ranges: Columns that its numbers and days may be compared with.
        samples: By column, a few stored values that may be shown.
        today: The day that "last month" counts from; None for the clock's.
        linked: The linked schema.
        shown: The linked schema with example values.
        candidates: As generated.
        executed: As executed, in the order of `candidates`.
        selection: The choice among `executed`.
        refusal: Why there is no answer.
        known: What the team's knowledge holds for the question.
        rewritten: How the question was completed from a follow-up question.
        doubts: Words of the question that mean nothing in the schema.
        judged: Groups of `executed` with equal results and how likely each is right, the likeliest first.
        assessment: Of the chosen candidate.
    """

    question: str
    schema: Schema
    evidence: str = ""
    hits: Sequence[ValueHit] = ()
    ranges: Sequence[RangeHit] = ()
    samples: Mapping[ColumnRef, tuple[object, ...]] = field(default_factory=dict)
    today: date | None = None
    linked: Linked | None = None
    shown: Schema | None = None
    candidates: Sequence[Candidate] = ()
    executed: Sequence[Executed] = ()
    selection: Selection | None = None
    refusal: Refusal | None = None
    known: Recalled | None = None
    rewritten: Rewritten | None = None
    doubts: Sequence[Doubt] = ()
    judged: Sequence[JudgedGroup] = ()
    assessment: Assessment | None = None

    @property
    def selection_context(self) -> SelectionContext:
        """What selectors may look at."""
        return SelectionContext(
            self.question,
            self.schema,
            self.evidence_text,
            self.hits,
            self.ranges,
            self.linked,
            self.doubts,
            tuple(group.as_chance for group in self.judged),
            self.samples,
        )

    @property
    def evidence_text(self) -> str:
        """The evidence, and the recalled terms and notes, separated by semicolons."""
        return "; ".join(filter(None, (self.evidence, *(self.known.hints if self.known is not None else ()))))


class Step(ABC):
    """One step of a pipeline. Safe to share between threads. After a refusal no further step runs.

    `as_step` accepts any other object with `name` and `run`.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """The step's name in traces."""

    @abstractmethod
    def run(self, state: State) -> State:
        """The next state."""


@dataclass(frozen=True)
class _AdaptedStep(Step):
    """An object of the user with `name` and `run`."""

    step: Any

    @property
    def name(self) -> str:
        return str(self.step.name)

    def run(self, state: State) -> State:
        after = self.step.run(state)
        if not isinstance(after, State):
            raise UsageError(f"{type(self.step).__name__}.run must return a State", where="run")
        return after


def as_step(step: object) -> Step:
    """`step` itself where it is a `Step`, else an adapter of an object with `name` and `run`.

    Raises:
        UsageError: A member is missing.
    """
    if isinstance(step, Step):
        return step
    check_method(step, "run", "a step")
    if not isinstance(optional_member(step, "name", None), str):
        raise UsageError(f"{type(step).__name__} is not a step: it has no text `name`", where="name")
    return _AdaptedStep(step)
