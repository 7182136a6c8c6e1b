"""Asks a pipeline the questions of a set and judges what it says."""

from __future__ import annotations

from contextlib import ExitStack
from time import perf_counter
from typing import TYPE_CHECKING, Any

import ctxprune
from ctxprune.errors import DatabaseError, UsageError

from ...database.database import Database
from ...trust.outcome import UNANSWERED
from ..journal import Journal
from ..run import ModelWatch
from .judgement import Judgement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ...pipeline.answer import Answer
    from ...pipeline.pipeline import Pipeline
    from ...schema.schema import Schema
    from .questions import Question, QuestionSet
    from .rules import RowRule

    MakePipeline = Callable[[Database, Schema], Pipeline]

__all__ = ["ask_questions", "candidate_queries", "judge_answer", "open_journal"]


def ask_questions(
    questions: QuestionSet,
    make_pipeline: MakePipeline,
    *,
    log: Path | None = None,
    options: Mapping[str, Any] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Judgement, ...]:
    """Ask every question whose database is there, database by database; judgements come in the questions' order.

    Args:
        questions: The set.
        make_pipeline: Called once a database that has questions left, with its schema as the set documents it.
        log: File that keeps each judgement; a run that was stopped goes on from it.
        options: What the answers depend on beside the data (JSON-safe); a log of other options is refused.
        progress: Told (done, total) after each question.

    Raises:
        UsageError: No question has a database.
        InputError: The log belongs to another run, or cannot be written.
        FormatError: The log is damaged.
        ModelError: On three questions in a row model calls failed and none gave an answer.
    """
    present = questions.present
    if not present:
        raise UsageError("no question has a database here", where=questions.name)
    with ExitStack() as stack:
        journal = open_journal(stack, log, {"set": questions.name, "data": questions.fingerprint}, options)
        done = {} if journal is None else dict(journal.done)
        watch = ModelWatch()
        for db_id in dict.fromkeys(question.db_id for question in present):
            left = [one for one in present if one.db_id == db_id and one.index not in done]
            for judgement in _ask_database(questions, left, make_pipeline, watch) if left else ():
                done[judgement.index] = judgement
                if journal is not None:
                    journal.add(judgement)
                if progress is not None:
                    progress(len(done), len(present))
    return tuple(done[question.index] for question in present)


def open_journal(
    stack: ExitStack, log: Path | None, run: Mapping[str, Any], options: Mapping[str, Any] | None
) -> Journal[Judgement] | None:
    """The log of a run on data of this fingerprint, open as long as `stack`; None without a file.

    Raises:
        InputError, FormatError: As `Journal`.
    """
    if log is None:
        return None
    header = {**run, "options": dict(options or {}), "version": ctxprune.__version__}
    return stack.enter_context(Journal(log, header, Judgement.load))


def _ask_database(
    questions: QuestionSet, left: Sequence[Question], make_pipeline: MakePipeline, watch: ModelWatch
) -> Iterator[Judgement]:
    name = left[0].db_id
    with Database(questions.databases[name], name=name) as database:
        schema = database.schema()
        if name in questions.schemas:
            schema = schema.enriched(questions.schemas[name])
        pipeline = make_pipeline(database, schema)
        for question in left:
            start = perf_counter()
            answer = pipeline.ask(question.text, question.evidence)
            ms = (perf_counter() - start) * 1e3
            watch.saw(answer.trace)
            yield judge_answer(database, question, answer, questions.rule, ms=ms)


def judge_answer(database: Database, question: Question, answer: Answer, rule: RowRule, *, ms: float) -> Judgement:
    """The judgement of one answer; without references nothing but its outcome."""
    model_error = next(iter(answer.trace.model_errors), "")
    outcome, error = answer.outcome, ""
    if answer.refusal is not None:
        error = model_error if answer.refusal.kind == "model" else answer.reason
    right = lenient = oracle = withheld = False
    queries = candidate_queries(answer)
    scored = question.answerable and bool(question.golds)
    if scored:
        try:
            matches = dict(zip(queries, rule.judge(database, question.golds, queries), strict=True))
        except DatabaseError as failure:
            matches, error = {}, f"reference: {failure}"
        oracle = any(match.right for match in matches.values())
        if outcome != UNANSWERED and answer.sql in matches:
            right, lenient = matches[answer.sql].right, matches[answer.sql].lenient
        elif outcome == UNANSWERED and (preferred := _preferred(answer)) in matches:
            withheld = matches[preferred].right
    return Judgement(
        question.index,
        question.db_id,
        question.category,
        question.answerable,
        outcome,
        round(answer.confidence, 6),
        "" if outcome == UNANSWERED else answer.sql,
        right=right,
        lenient=lenient,
        oracle=oracle,
        withheld=withheld,
        candidates=len(queries),
        scored=scored,
        ms=round(ms, 2),
        error=error,
        model_error=model_error,
    )


def candidate_queries(answer: Answer) -> list[str]:
    """The different queries that ran for an answer, the shown one first."""
    ran = [one.ran for one in answer.trace.candidates if one.ran and one.rows is not None]
    shown = [answer.sql] if answer.sql else []
    return list(dict.fromkeys([*shown, *ran]))


def _preferred(answer: Answer) -> str:
    """The query of the largest group of equal results, which was chosen but for the refusal; "" without one."""
    groups = answer.trace.groups
    return answer.trace.candidates[groups[0][0]].ran if groups and groups[0] else ""
