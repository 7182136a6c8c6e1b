"""A pipeline that reports the result of each step as soon as the step ends."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.sql.linking.document import link_document
from ctxprune.sql.pipeline.pipeline import Pipeline
from ctxprune.sql.pipeline.steps import Step
from ctxprune.sql.pipeline.trace import hit_traces, link_trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from ctxprune.sql.pipeline.steps import State
    from ctxprune.sql.select.base import Executed

__all__ = ["stream_steps"]

_FIRST_ROWS = 5  # of each candidate
_FIRST_CHARACTERS = 200  # of each of their cells that is a text, or bytes


def stream_steps(pipeline: Pipeline, tell: Callable[[str, dict[str, Any]], None]) -> Pipeline:
    """The same pipeline, which calls `tell("step", content)` after each step, in its own thread."""
    steps = [_ReportingStep(step, tell) for step in pipeline.steps]
    return Pipeline.of_steps(pipeline.schema, steps, config=pipeline.config)


@dataclass(frozen=True)
class _ReportingStep(Step):
    step: Step
    tell: Callable[[str, dict[str, Any]], None]

    @property
    def name(self) -> str:
        return self.step.name

    def run(self, state: State) -> State:
        start = perf_counter()
        after = self.step.run(state)
        self.tell("step", {"name": self.name, "ms": (perf_counter() - start) * 1e3, **_news(state, after)})
        return after


def _news(before: State, after: State) -> dict[str, Any]:
    """What a step added."""
    news: dict[str, Any] = {}
    # Steps return the same objects where they changed nothing, so identity is enough.
    if after.hits is not before.hits:
        news["hits"] = [asdict(hit) for hit in hit_traces(after.hits)]
    if after.doubts is not before.doubts and after.doubts:
        news["doubts"] = [doubt.text for doubt in after.doubts]
    if after.linked is not None and after.linked is not before.linked:
        document = link_document(after.linked, after.question, after.evidence)
        news["linked"] = asdict(link_trace(after.linked)) | document
    if after.candidates is not before.candidates:
        news["candidates"] = [
            {"generator": made.generator, "path": made.path, "sql": made.sql, "error": made.error}
            for made in after.candidates
        ]
    if after.executed is not before.executed:
        news["executed"] = [_ended(item) for item in after.executed]
    if after.refusal is not None:
        news["refusal"] = asdict(after.refusal)
    return news


def _ended(item: Executed) -> dict[str, Any]:
    """How a candidate ended, with its first rows."""
    rows = None if item.result is None else item.result.rows
    return {
        "sql": item.sql,
        "rows": None if rows is None else len(rows),
        "first": [list(map(_start_of, row)) for row in (rows or ())[:_FIRST_ROWS]],
        "error": item.error,
    }


def _start_of(cell: object) -> object:
    """A step shows what a result looks like; the whole of it comes once, in the answer."""
    return cell[:_FIRST_CHARACTERS] if isinstance(cell, (str, bytes)) else cell
