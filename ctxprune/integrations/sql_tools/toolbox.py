"""The tools on the database of one pipeline, for whichever framework."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError, GuardError, UnknownNameError, UsageError
from ctxprune.integrations.sql_tools.arguments import (
    AskArguments,
    CheckArguments,
    LinkArguments,
    RunArguments,
    ValuesArguments,
    read_arguments,
)
from ctxprune.integrations.sql_tools.budget import DEFAULT_TOKENS, MIN_TOKENS, ContentBudget, cut_text, encode_content
from ctxprune.integrations.sql_tools.descriptions import DESCRIPTIONS
from ctxprune.integrations.sql_tools.failures import describe_failure
from ctxprune.integrations.sql_tools.frames import describe_answer, fit_reply, fit_verdict
from ctxprune.integrations.sql_tools.preparation import find_hits, find_runner, link_question
from ctxprune.integrations.sql_tools.schemas import MOST_VALUES, describe_hits, fit_link, fit_values
from ctxprune.sql.database.result_set import ResultSet
from ctxprune.sql.guard import Verdict
from ctxprune.sql.pipeline.pipeline import Pipeline
from ctxprune.utils.cancellation import run_cancellable
from ctxprune.utils.validation import check_whole, describe_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pydantic import BaseModel

    from ctxprune.sql.guard.execution import GuardedRunner

__all__ = ["DEFAULT_TOKENS", "TOOLS", "Reply", "SqlToolbox", "ToolEntry"]

_LONGEST_NAME = 60  # characters of a database's name that a description gives
_PREFIX = re.compile(r"[A-Za-z0-9_-]{0,40}")  # models of several makers take names of 64 such characters


@dataclass(frozen=True)
class ToolEntry:
    """What is told of a tool.

    Attributes:
        arguments: What it takes.
        description: For the model.
    """

    arguments: type[BaseModel]
    description: str

    def name_arguments(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments by their names; those given without one are the first that the tool takes.

        Raises:
            UsageError: There are more than the tool takes, or one is given twice.
        """
        names = [*self.arguments.model_fields]
        if len(args) > len(names):
            raise UsageError(f"{len(args)} arguments are given", hint=f"arguments: {', '.join(names)}")
        if twice := [name for name in names[: len(args)] if name in kwargs]:
            raise UsageError(f"{twice[0]} is given twice, by its place and by its name", hint="give it once")
        return {**dict(zip(names, args, strict=False)), **kwargs}


TOOLS = {
    "link_schema": ToolEntry(LinkArguments, DESCRIPTIONS["link_schema"]),
    "find_values": ToolEntry(ValuesArguments, DESCRIPTIONS["find_values"]),
    "check_sql": ToolEntry(CheckArguments, DESCRIPTIONS["check_sql"]),
    "run_sql": ToolEntry(RunArguments, DESCRIPTIONS["run_sql"]),
    "ask": ToolEntry(AskArguments, DESCRIPTIONS["ask"]),
}
"""By name, in the order in which they are listed."""


@dataclass(frozen=True)
class Reply:
    """What a tool gives.

    Attributes:
        text: For the model, within the budget: JSON, or one sentence where the tool failed.
        data: All of it for the program, such as the rows that `text` leaves out; {} where the tool failed.
        error: Why the tool failed; None where it did not.
    """

    text: str
    data: dict[str, Any] = field(default_factory=dict)
    error: CtxpruneError | None = None


class SqlToolbox:
    """The tools on the database of one pipeline: `link_schema`, `find_values`, `check_sql`, `run_sql` and `ask`.

    They see what the pipeline lets its caller see, and run what its guard allows, within its limits. Safe to share
    between threads.

    Args:
        pipeline: What links, guards, runs and answers; its database stays open as long as the tools are used.
        budget: Tokens of each reply, from 600 up.
        counter: Counts tokens; see `ctxprune.as_counter`.
        prefix: Before the name of each tool, to tell those of several databases apart; letters, digits, _ and -.

    Raises:
        UsageError: `pipeline` is none or runs no statements; another argument is out of its range.
    """

    def __init__(
        self, pipeline: Pipeline, *, budget: int = DEFAULT_TOKENS, counter: Any = None, prefix: str = ""
    ) -> None:
        if not isinstance(pipeline, Pipeline):
            raise UsageError(f"pipeline is {describe_type(pipeline)}", hint="give a ctxprune.sql.Pipeline")
        if not isinstance(prefix, str) or not _PREFIX.fullmatch(prefix):
            raise UsageError(f"prefix is {prefix!r:.60}", hint="give up to 40 letters, digits, _ or -")
        check_whole("budget", budget, minimum=MIN_TOKENS)
        self.pipeline, self.budget, self._prefix = pipeline, ContentBudget(budget, counter), prefix
        self._runner()
        self._functions: dict[str, Callable[[Any], Reply]] = {
            "link_schema": self._link_schema,
            "find_values": self._find_values,
            "check_sql": self._check_sql,
            "run_sql": self._run_sql,
            "ask": self._ask,
        }

    def call(self, name: str, arguments: dict[str, Any]) -> Reply:
        """The reply of a tool; where it fails in a way that this library knows, one that says why.

        Args:
            name: One of `TOOLS`.
            arguments: As a model gave them.

        Raises:
            UnknownNameError: There is no tool of that name.
        """
        if name not in TOOLS:
            raise UnknownNameError("tool", name, TOOLS)
        try:
            return self._functions[name](read_arguments(TOOLS[name].arguments, arguments))
        except CtxpruneError as error:
            return Reply(self.budget.cut_error(describe_failure(error)), error=error)

    async def acall(self, name: str, arguments: dict[str, Any]) -> Reply:
        """`call` for asyncio, in a thread; cancelling ends the query that it waits for."""
        return await run_cancellable(partial(self.call, name, arguments))

    def full_name(self, name: str) -> str:
        """The name of a tool with the prefix."""
        return f"{self._prefix}{name}"

    def describe(self, name: str) -> str:
        """What a model is told of a tool, with the name and dialect of the database."""
        schema = self.pipeline.schema
        return f"{TOOLS[name].description} Database: {cut_text(schema.name, _LONGEST_NAME)} ({schema.dialect})."

    def _runner(self) -> GuardedRunner:
        runner = find_runner(self.pipeline)
        if runner is None:
            raise UsageError("the pipeline runs no statements", hint="give one with a step Execute")
        return runner

    def _reply(self, content: dict[str, Any], data: dict[str, Any] | None = None) -> Reply:
        self.budget.require(content)
        return Reply(encode_content(content), content if data is None else data)

    def _link_schema(self, given: LinkArguments) -> Reply:
        linked = link_question(self.pipeline, _require_words(given.question), given.evidence)
        return self._reply(fit_link(linked, {}, self.budget).content)

    def _find_values(self, given: ValuesArguments) -> Reply:
        values = describe_hits(find_hits(self.pipeline, given.text), MOST_VALUES)
        return self._reply(fit_values(values, {}, self.budget).content, {"values": values})

    def _check_sql(self, given: CheckArguments) -> Reply:
        try:
            verdict = Verdict(True, "", self._runner().guard.require(given.sql))
        except GuardError as error:
            verdict = Verdict(False, error.what, "")
        frame = {"dialect": self.pipeline.schema.dialect}
        whole = frame | {"allowed": verdict.allowed, "reason": verdict.reason, "sql": verdict.sql}
        return self._reply(fit_verdict(verdict, frame, self.budget).content, whole)

    def _run_sql(self, given: RunArguments) -> Reply:
        sql, result = self._runner().fetch(given.sql)
        rows = {"columns": list(result.columns), "rows": [list(row) for row in result.rows]}
        whole = {"sql": sql, **rows, "truncated": result.truncated}
        return self._reply(fit_reply({"sql": sql}, result, given.question, self.budget).content, whole)

    def _ask(self, given: AskArguments) -> Reply:
        answer = self.pipeline.ask(given.question, given.evidence)
        result = ResultSet((), ()) if answer.result is None else answer.result
        content = fit_reply(describe_answer(answer, {}), result, answer.question, self.budget).content
        return self._reply(content, answer.to_dict(trace=False))


def _require_words(question: str) -> str:
    if not question.strip():
        raise UsageError("the question is empty", where="question")
    return question
