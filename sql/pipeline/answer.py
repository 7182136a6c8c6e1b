"""The answer to a question."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..select.base import Executed
from ..trust.outcome import ANSWERED, TENTATIVE, UNANSWERED
from .steps import Refusal
from .trace import Trace, TraceBuilder, hit_traces, knowledge_trace, link_trace

if TYPE_CHECKING:
    from ..account.reading import Reading
    from ..database.database import ResultSet
    from ..linking.doubts import Doubt
    from ..trust.outcome import Assessment, Outcome
    from .steps import State

__all__ = ["Answer", "build_answer", "format_confidence"]

_SHOWN_ROWS, _SHOWN_SQL = 10, 200  # of an answer as text


def format_confidence(confidence: float) -> str:
    """A probability in whole percent, rounded down, so that no answer looks surer than it is: "94 %"."""
    return f"{math.floor(confidence * 100 + 1e-9)} %"


@dataclass(frozen=True, repr=False)
class Answer:
    """The answer to a question, or a refusal.

    Attributes:
        question: As it was used.
        sql: The text that ran; "" when refused.
        result: Its rows; None when refused.
        confidence: 0..1, probability that the rows answer the question; 0 when refused.
        refusal: Why there is no answer; None when there is one.
        trace: Everything that happened on the way.
        doubts: Why the answer may be wrong: words of the question that mean nothing which the caller may see, words
            that the query leaves out, and what is odd about the query or its rows.
        assessment: What the pipeline found out about the answer; None where no step assessed it.

    Examples:
        ```python
        from ctxprune.sql import Answer, Database, Pipeline


        def summary(answer: Answer) -> str:
            return f"{answer.outcome}: {answer.rows}"


        with Database("shop.sqlite") as database:
            print(summary(Pipeline(database).ask("How many cities are there?")))
            # answered: ((3,),)
        ```
    """

    question: str
    sql: str
    result: ResultSet | None
    confidence: float
    refusal: Refusal | None
    trace: Trace
    doubts: tuple[Doubt, ...] = ()
    assessment: Assessment | None = None

    @property
    def outcome(self) -> Outcome:
        """ "answered", "tentative" (rows, but see `doubts`) or "unanswered" (no rows, see `reason`)."""
        if self.refusal is not None:
            return UNANSWERED
        return TENTATIVE if self.assessment is None else self.assessment.outcome

    @property
    def reading(self) -> Reading | None:
        """Which words of the question which part of the query stands for; None where that could not be told."""
        return self.assessment.reading if self.assessment else None

    @property
    def unused(self) -> tuple[str, ...]:
        """Words of the question that no part of the query explains."""
        return self.assessment.unused if self.assessment else ()

    @property
    def question_back(self) -> str:
        """A question for the person who asked, where two readings stand; "" otherwise."""
        return self.assessment.question_back if self.assessment else ""

    @property
    def other_sql(self) -> str:
        """The most likely query with another result; "" where there is none, or the answer is sure."""
        return self.assessment.other_sql if self.assessment and self.outcome != ANSWERED else ""

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

    def __repr__(self) -> str:
        """One line: outcome, confidence, query and the number of rows; the trace holds the rest."""
        sql = self.sql if len(self.sql) <= _SHOWN_SQL else f"{self.sql[:_SHOWN_SQL]} …"
        told = f"refusal={self.refusal.kind!r}" if self.refusal else f"sql={sql!r}, rows={len(self.rows)}"
        return f"Answer({self.outcome!r}, confidence={self.confidence:.2f}, {told}, doubts={len(self.doubts)})"

    def __str__(self) -> str:
        """A few lines for people: outcome, up to ten rows, query and doubts."""
        if self.refusal is not None:
            return f"NO ANSWER: {self.reason}"
        rows = [" | ".join("NULL" if cell is None else str(cell) for cell in row) for row in self.rows[:_SHOWN_ROWS]]
        more = [f"({len(self.rows) - _SHOWN_ROWS} more)"] if len(self.rows) > _SHOWN_ROWS else []
        head = f"{self.outcome.upper()} {format_confidence(self.confidence)}"
        return "\n".join([head, " | ".join(self.columns), *rows, *more, self.sql, *map(str, self.doubts)])

    def to_dict(self, *, trace: bool = True) -> dict[str, Any]:
        """Plain data; cells stay as they are (None, int, float, str, bytes); `cost` is None without prices."""
        document: dict[str, Any] = {
            "question": self.question,
            "sql": self.sql,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "truncated": self.result is not None and self.result.truncated,
            "outcome": self.outcome,
            "confidence": self.confidence,
            "refused": self.refused,
            "refusal": asdict(self.refusal) if self.refusal else None,
            "reason": self.reason,
            "reading": self.reading.to_dict() if self.reading else None,
            "unused": list(self.unused),
            "doubts": [{"text": doubt.text, "span": doubt.span, "message": str(doubt)} for doubt in self.doubts],
            "question_back": self.question_back,
            "other_sql": self.other_sql,
            "tokens_in": self.trace.tokens_in,
            "tokens_out": self.trace.tokens_out,
            "cost": self.trace.cost,
        }
        return document | ({"trace": self.trace.to_dict()} if trace else {})


def build_answer(state: State, builder: TraceBuilder) -> Answer:
    """The answer in the last state of a question, with its trace."""
    selection, refusal, found = state.selection, state.refusal, state.assessment
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
        assessment=found,
        prompts=tuple(builder.prompts),
    )
    if chosen is None or selection is None:
        refusal = refusal or Refusal("unanswerable", "No step of this pipeline chose an answer.")
        doubts = found.doubts if found is not None else tuple(state.doubts)
        return Answer(state.question, "", None, 0.0, refusal, trace, doubts, found)
    if found is None:
        sure, doubts = selection.confidence, tuple(state.doubts)
    else:
        sure, doubts = found.confidence, found.doubts
    return Answer(state.question, chosen.sql, chosen.result, sure, None, trace, doubts, found)
