"""Spans of candidates, with their queries where these are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ctxprune.utils.tracing import captures_content, start_span

if TYPE_CHECKING:
    from ctxprune.utils.tracing import Span

    from ...generate.base import Candidate
    from ...select.base import Executed

__all__ = ["describe_executed", "start_candidate"]


def start_candidate(candidate: Candidate) -> Span:
    """The span of one candidate that is guarded, run and repaired."""

    def known() -> dict[str, Any]:
        names = {"ctxprune.generator": candidate.generator, "ctxprune.path": candidate.path}
        return names | ({"ctxprune.sql": candidate.sql} if captures_content() else {})

    return start_span("ctxprune.ask.candidate", known)


def describe_executed(span: Span, executed: Executed) -> Executed:
    """`executed`, of which the span gets how it ended."""
    if span.recording:
        rows = None if executed.result is None else len(executed.result.rows)
        span.set({"ctxprune.rows": rows, "ctxprune.repairs": len(executed.repairs) or None})
        if executed.result is None:
            # The guard gave back no text where it refused the candidate.
            span.fail("query" if executed.sql else "guard" if executed.candidate.sql else "generation")
    return executed
