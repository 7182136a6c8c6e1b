"""Attributes of the spans of a question: sizes, names and outcomes, but no question, value, row or message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.utils.tracing import captures_content, start_span

if TYPE_CHECKING:
    from ctxprune.utils.tracing import Span

    from ..schema.schema import Schema
    from .answer import Answer
    from .steps import State

__all__ = ["describe_answer", "describe_step", "start_ask"]


def start_ask(question: str, evidence: str, schema: Schema) -> Span:
    """The span of one question."""

    def known() -> dict[str, Any]:
        asked = {"ctxprune.question": question, "ctxprune.evidence": evidence or None} if captures_content() else {}
        return {"db.namespace": schema.name, "ctxprune.columns": schema.n_columns, **asked}

    return start_span("ctxprune.ask", known)


def describe_step(span: Span, before: State, after: State) -> State:
    """`after`, of which the span gets the sizes of what the step added."""
    if not span.recording:
        return after
    found: dict[str, Any] = {}
    # Steps return the same objects where they changed nothing, so identity is enough.
    if after.hits is not before.hits:
        found["ctxprune.hits"] = len(after.hits)
    if after.doubts is not before.doubts:
        found["ctxprune.doubts"] = len(after.doubts)
    if after.linked is not None and after.linked is not before.linked:
        found |= {
            "ctxprune.columns": after.linked.schema.n_columns,
            "ctxprune.tokens.before": after.linked.tokens_before,
            "ctxprune.tokens.after": after.linked.tokens_after,
        }
    if after.candidates is not before.candidates:
        found["ctxprune.candidates"] = len(after.candidates)
    if after.executed is not before.executed:
        found["ctxprune.candidates.ran"] = sum(item.result is not None for item in after.executed)
    span.set(found | _describe_decision(before, after))
    return after


def _describe_decision(before: State, after: State) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if after.selection is not None and after.selection is not before.selection:
        found |= {"ctxprune.chosen": after.selection.index, "ctxprune.groups": len(after.selection.groups)}
    if after.assessment is not None and after.assessment is not before.assessment:
        found |= {"ctxprune.outcome": after.assessment.outcome, "ctxprune.confidence": after.assessment.confidence}
    if after.refusal is not None:
        found["ctxprune.refusal"] = after.refusal.kind
    return found


def describe_answer(span: Span, answer: Answer) -> Answer:
    """`answer`, of which the span gets the outcome."""
    if span.recording:
        chosen = answer.trace.chosen
        span.set(
            {
                "ctxprune.outcome": answer.outcome,
                "ctxprune.confidence": answer.confidence,
                "ctxprune.doubts": len(answer.doubts),
                "ctxprune.refusal": answer.refusal.kind if answer.refusal is not None else None,
                "ctxprune.candidates": len(answer.trace.candidates),
                "ctxprune.generator": None if chosen is None else answer.trace.candidates[chosen].generator,
                "ctxprune.rows": None if answer.result is None else len(answer.result.rows),
                "ctxprune.tokens.input": answer.trace.tokens_in,
                "ctxprune.tokens.output": answer.trace.tokens_out,
                "ctxprune.cost": answer.trace.cost,
                "ctxprune.sql": answer.sql if answer.sql and captures_content() else None,
            }
        )
    return answer
