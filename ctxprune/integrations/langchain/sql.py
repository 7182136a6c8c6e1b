"""A pipeline as a runnable and as a tool, whose results are cut to what a model can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableLambda
from langchain_core.tools import StructuredTool, ToolException
from pydantic import BaseModel, Field

from ctxprune.errors import CtxpruneError, UsageError
from ctxprune.integrations.langchain.callbacks import report_steps
from ctxprune.tokens import as_counter
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.runnables import Runnable

    from ctxprune.sql.pipeline.answer import Answer
    from ctxprune.sql.pipeline.pipeline import Pipeline

__all__ = ["answer_text", "sql_runnable", "sql_tool"]

_CELL = 200  # characters of a cell that are shown
_TABLES = 20  # that the description names
_DOUBTS = 4  # of a tentative answer that are told
_BREAKS = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x00": "\\0", "\u2028": "\\n", "\u2029": "\\n"})


class _Question(BaseModel):
    """What the tool takes."""

    question: str = Field(description="One complete question in plain words, with all names and numbers it is about.")


def sql_runnable(pipeline: Pipeline, *, name: str = "ask_database") -> Runnable[str | dict[str, Any], Answer]:
    """A runnable from a question to an `Answer`, for chains.

    It takes the question as a text, or as a dict with "question" (or "query") and, if there is any, "evidence". A
    question without an answer is an `Answer` that says why (`refused`, `reason`).

    Args:
        pipeline: What answers; its database stays open as long as the runnable is used.
        name: Of the run.

    Raises:
        UsageError: When run: the input has no question, or it is empty or too long.
        DatabaseError: When run: the database itself cannot be used.
    """

    def run(inputs: str | dict[str, Any]) -> Answer:
        return pipeline.ask(*_question_and_evidence(inputs))

    async def arun(inputs: str | dict[str, Any]) -> Answer:
        return await pipeline.aask(*_question_and_evidence(inputs))

    return RunnableLambda(report_steps(run), afunc=report_steps(arun), name=name)


def sql_tool(
    pipeline: Pipeline,
    *,
    name: str = "ask_database",
    description: str = "",
    rows: int = 20,
    budget: int = 1000,
    counter: Any = None,
) -> StructuredTool:
    """A tool by which an agent asks the database a question in words.

    The model gets `answer_text`; the tool message's artifact is the answer as plain data with all rows
    (`Answer.to_dict`, without trace). What fails comes back as one clear sentence with status "error", never as a
    traceback; faults that are none of this library's (a `MemoryError`) are raised.

    Args:
        pipeline: What answers; its database stays open as long as the tool is used.
        name: Of the tool.
        description: For the model; "" for one that names the tables which the caller of this pipeline may see.
        rows: Rows shown at most, from 0 up.
        budget: Tokens of the shown text at most; see `answer_text`.
        counter: Counts tokens; see `ctxprune.as_counter`.

    Raises:
        UsageError: A number is out of its range.
    """
    _check(rows, budget)
    tokens = as_counter(counter)

    def shown(answer: Answer) -> tuple[str, dict[str, Any]]:
        return answer_text(answer, rows=rows, budget=budget, counter=tokens), answer.to_dict(trace=False)

    def ask(question: str) -> tuple[str, dict[str, Any]]:
        try:
            return shown(pipeline.ask(question))
        except CtxpruneError as error:
            raise ToolException(f"No answer: {error}") from error

    async def aask(question: str) -> tuple[str, dict[str, Any]]:
        try:
            return shown(await pipeline.aask(question))
        except CtxpruneError as error:
            raise ToolException(f"No answer: {error}") from error

    return StructuredTool.from_function(
        report_steps(ask),
        report_steps(aask),
        name=name,
        description=description or _description(pipeline),
        args_schema=_Question,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error="No answer: give one text as question.",
    )


def answer_text(answer: Answer, *, rows: int = 20, budget: int = 1000, counter: Any = None) -> str:
    """An answer for a model to read: the SQL, then the first rows as lines of cells, then how many there are.

    Behind the SQL of a tentative answer stands what is doubted, and the next best query, so that an agent can check
    them or ask back.

    Cells are cut at 200 characters, and their line breaks are written as \\n. Rows are left out whole, from the end, so
    that the text keeps to the budget; the SQL, the doubts, the column names and the number of rows always stay.

    Args:
        answer: One with rows, or a refusal, whose reason is given.
        rows: Rows shown at most, from 0 up.
        budget: Tokens at most, from 1 up.
        counter: Counts tokens; see `ctxprune.as_counter`.

    Raises:
        UsageError: A number is out of its range.
    """
    _check(rows, budget)
    if answer.refusal is not None:
        return " ".join(filter(None, (f"No answer: {answer.refusal.reason}", _cell(answer.question_back))))
    tokens = as_counter(counter)
    head = [f"SQL: {answer.sql}", *_reserve(answer), " | ".join(map(_cell, answer.columns))]
    lines = [" | ".join(map(_cell, row)) for row in answer.rows[:rows]]
    total = len(answer.rows)
    more = "over " if answer.result is not None and answer.result.truncated else ""
    for kept in _fewer(len(lines)):
        note = f"({more}{total} rows, the first {kept} shown)" if kept < total or more else f"({total} rows)"
        text = "\n".join([*head, *lines[:kept], note])
        if tokens.count(text) <= budget:
            break
    return text


def _reserve(answer: Answer) -> Iterator[str]:
    """Lines about a tentative answer; none for one that is sure, or that nothing assessed."""
    if answer.assessment is None or answer.outcome != "tentative":
        return
    doubts = "; ".join(_cell(str(doubt)) for doubt in answer.doubts[:_DOUBTS])
    yield f"Tentative, right with a probability of {answer.confidence:.2f}" + (f": {doubts}" if doubts else "")
    if answer.other_sql:
        yield f"Another reading: {answer.other_sql}"
    if answer.question_back:
        yield f"Ask back: {_cell(answer.question_back)}"


def _fewer(size: int) -> Iterator[int]:
    """size, then ever less of it, down to 0."""
    while size:
        yield size
        size = min(size - 1, size * 9 // 10)
    yield 0


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    text = str(value).translate(_BREAKS)
    return text if len(text) <= _CELL else f"{text[:_CELL]}…"


def _description(pipeline: Pipeline) -> str:
    names = [table.name for table in pipeline.schema.tables]
    more = f" and {len(names) - _TABLES} more" if len(names) > _TABLES else ""
    return (
        f"Answers a question about the database {pipeline.schema.name!r} by one read-only SQL query, and gives the "
        f"query and its rows; it says where it is not sure. Tables: {', '.join(names[:_TABLES])}{more}. Ask one thing "
        "at a time, in plain words."
    )


def _question_and_evidence(inputs: str | dict[str, Any]) -> tuple[str, str]:
    """Question and evidence of a runnable's input."""
    if isinstance(inputs, str):
        return inputs, ""
    if isinstance(inputs, dict):
        for key in ("question", "query"):
            if key in inputs:
                return inputs[key], inputs.get("evidence") or ""
    raise UsageError("the input has no question", hint='give a text, or a dict with "question"')


def _check(rows: int, budget: int) -> None:
    check_whole("rows", rows, minimum=0)
    check_whole("budget", budget)
