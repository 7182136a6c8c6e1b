"""The answer to a question."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..select.base import Executed
from .steps import Refusal
from .trace import Trace, TraceBuilder, hit_traces, knowledge_trace, link_trace

if TYPE_CHECKING:
    from ..database.database import ResultSet
    from ..linking.doubts import Doubt
    from .steps import State

__all__ = ["Answer", "build_answer"]


@dataclass(frozen=True)
class Answer:
    """The answer to a question, or a refusal.

    Attributes:
        question: As it was used.
        sql: The text that ran; "" when refused.
        result: Its rows; None when refused.
        confidence: 0..1, the share of the working candidates' weight that agrees; 0 when refused.
        refusal: Why there is no answer; None when there is one.
        trace: Everything that happened on the way.
        doubts: Words of the question that mean nothing which the caller may see; the answer leaves them out of account.
    """

    question: str
    sql: str
    result: ResultSet | None
    confidence: float
    refusal: Refusal | None
    trace: Trace
    doubts: tuple[Doubt, ...] = ()

    @property
    def refused(self) -> bool:
        """True when there is no answer."""
        return self.refusal is not None

    @property
    def reason(self) -> str:
        """Why it was refused, else why this candidate was chosen."""
        return self.refusal.reason if self.refusal else self.trace.reason

    @property
    def columns(self) -> tuple[str, ...]:
        """Result column names; () when refused."""
        return self.result.columns if self.result else ()

    @property
    def rows(self) -> tuple[tuple[object, ...], ...]:
        """Result rows; () when refused."""
        return self.result.rows if self.result else ()

    def to_dict(self, *, trace: bool = True) -> dict[str, Any]:
        """Plain data; cells stay as they are (None, int, float, str, bytes); `cost` is None without prices."""
        document: dict[str, Any] = {
            "question": self.question,
            "sql": self.sql,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "truncated": self.result is not None and self.result.truncated,
            "confidence": self.confidence,
            "refused": self.refused,
            "refusal": asdict(self.refusal) if self.refusal else None,
            "reason": self.reason,
            "doubts": [{**asdict(doubt), "message": str(doubt)} for doubt in self.doubts],
            "tokens_in": self.trace.tokens_in,
            "tokens_out": self.trace.tokens_out,
            "cost": self.trace.cost,
        }
        return document | ({"trace": self.trace.to_dict()} if trace else {})


def build_answer(state: State, builder: TraceBuilder) -> Answer:
    """The answer in the last state of a question, with its trace."""
    selection, refusal = state.selection, state.refusal
    index = None if selection is None or refusal is not None else selection.index
    chosen = None if index is None else state.executed[index]
    # Candidates that no step has executed still belong into the trace.
    executed = state.executed or [Executed(candidate, "", error=candidate.error) for candidate in state.candidates]
    trace = Trace(
        question=state.question,
        evidence=state.evidence,
        database=state.schema.name,
        dialect=state.schema.dialect,
        hits=hit_traces(state.hits),
        linked=link_trace(state.linked) if state.linked is not None else None,
        candidates=tuple(map(builder.candidate, executed)),
        groups=selection.groups if selection is not None else (),
        chosen=index,
        reason=refusal.reason if refusal is not None else selection.reason if selection is not None else "",
        steps=tuple(builder.steps),
        knowledge=knowledge_trace(state.known) if state.known is not None else None,
        rewritten=state.rewritten,
        prompts=tuple(builder.prompts),
    )
    if chosen is None or selection is None:
        refusal = refusal or Refusal("unanswerable", "No step of this pipeline chose an answer.")
        return Answer(state.question, "", None, 0.0, refusal, trace, tuple(state.doubts))
    sure = selection.confidence
    return Answer(state.question, chosen.sql, chosen.result, sure, None, trace, tuple(state.doubts))
