"""A pipeline as a runnable and as a tool, whose results are cut to what a model can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableLambda
from langchain_core.tools import StructuredTool, ToolException
from pydantic import BaseModel, Field

from ctxprune.errors import CtxpruneError, UsageError
from ctxprune.integrations.langchain.callbacks import report_steps
from ctxprune.integrations.sql_tools.answer_text import DEFAULT_ROWS, AnswerWriter, answer_text
from ctxprune.integrations.sql_tools.budget import LONGEST_ERROR, cut_text
from ctxprune.integrations.sql_tools.failures import describe_failure

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

    from ctxprune.sql.pipeline.answer import Answer
    from ctxprune.sql.pipeline.pipeline import Pipeline

__all__ = ["answer_text", "sql_runnable", "sql_tool"]

_TABLES = 20  # that the description names, which is sent with each call of the model


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
    rows: int = DEFAULT_ROWS,
    budget: int = 1000,
    counter: Any = None,
) -> StructuredTool:
    """A tool by which an agent asks the database a question in words.

    The model gets `answer_text`, with outcome, confidence and doubts, also of a refusal; the tool message's artifact is
    the answer as plain data with all rows (`Answer.to_dict`, without trace). What fails comes back as one clear
    sentence with status "error", never as a traceback, and without particulars of the database or the model that only
    the operator can mend, which go to the log; faults that are none of this library's (a `MemoryError`) are
    raised.

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
    writer = AnswerWriter(rows, budget, counter)

    def shown(answer: Answer) -> tuple[str, dict[str, Any]]:
        return writer.write(answer), answer.to_dict(trace=False)

    def ask(question: str) -> tuple[str, dict[str, Any]]:
        try:
            return shown(pipeline.ask(question))
        except CtxpruneError as error:
            raise _tool_error(error) from error

    async def aask(question: str) -> tuple[str, dict[str, Any]]:
        try:
            return shown(await pipeline.aask(question))
        except CtxpruneError as error:
            raise _tool_error(error) from error

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


def _tool_error(error: CtxpruneError) -> ToolException:
    return ToolException(f"No answer: {cut_text(describe_failure(error), LONGEST_ERROR)}")


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
