"""What a pipeline finds out about a question before it writes a query: values, and the linked schema with examples."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.sql.linking.ranked import RankedLinker
from ctxprune.sql.pipeline.steps import Execute, LinkSchema, RetrieveValues, ShowValues, State
from ctxprune.sql.pipeline.steps.knowledge import RecallKnowledge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.sql.guard.execution import GuardedRunner
    from ctxprune.sql.linking.base import Linked
    from ctxprune.sql.pipeline.pipeline import Pipeline
    from ctxprune.sql.values.base import ValueHit

__all__ = ["find_hits", "find_runner", "link_question"]

# Screening is left out: it refuses questions that ask for a change, and here nothing is run.
_PREPARING = (RetrieveValues, RecallKnowledge, LinkSchema, ShowValues)


def link_question(pipeline: Pipeline, question: str, evidence: str = "") -> Linked:
    """The part of a pipeline's schema that a question needs, with example values, by the pipeline's own steps.

    A pipeline without a linker, whose prompts hold the whole schema, is linked by `RankedLinker`.
    """
    state = State(question, pipeline.schema, evidence, today=pipeline.config.today)
    for step in pipeline.steps:
        if isinstance(step, _PREPARING):
            state = step.run(state)
    if state.linked is None:
        return RankedLinker().link(question, state.schema, hits=state.hits, evidence=state.evidence_text)
    return replace(state.linked, schema=state.shown or state.linked.schema, hits=state.hits)


def find_hits(pipeline: Pipeline, text: str) -> Sequence[ValueHit]:
    """Stored values that a text mentions, of the columns whose values a pipeline may show.

    Raises:
        UsageError: No step of it looks up values.
    """
    for step in pipeline.steps:
        if isinstance(step, RetrieveValues):
            return step.find(text, State(text, pipeline.schema))
    raise UsageError("this pipeline looks up no stored values", hint="read the schema instead, with link_schema")


def find_runner(pipeline: Pipeline) -> GuardedRunner | None:
    """What guards and runs the statements of a pipeline; None where no step of it runs any."""
    return next((step.runner for step in pipeline.steps if isinstance(step, Execute)), None)
