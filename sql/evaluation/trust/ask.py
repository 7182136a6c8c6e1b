"""Asks a pipeline the questions of a set and judges what it says."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ctxprune.errors import DatabaseError, UsageError

from ...database.database import Database
from ...trust.outcome import UNANSWERED
from .collect import collect_judgements, run_header
from .judgement import Judgement
from .rules import Match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ...pipeline.answer import Answer
    from ...pipeline.pipeline import Pipeline
    from ...schema.schema import Schema
    from ..run import ModelWatch
    from .questions import Question, QuestionSet
    from .rules import RowRule

    MakePipeline = Callable[[Database, Schema], Pipeline]

__all__ = ["ask_questions", "candidate_queries", "judge_answer"]


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

    def ask(left: Sequence[Question], watch: ModelWatch) -> Iterator[Judgement]:
        return _ask_database(questions, left, make_pipeline, watch)

    header = run_header(questions.name, questions.fingerprint, options)
    done = collect_judgements(present, ask, header, log=log, progress=progress)
    return tuple(done[question.index] for question in present)


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
    error = ""
    if answer.refusal is not None:
        error = model_error if answer.refusal.kind == "model" else answer.reason
    queries = candidate_queries(answer)
    judgement = Judgement(
        question.index,
        question.db_id,
        question.category,
        question.answerable,
        answer.outcome,
        round(answer.confidence, 6),
        "" if answer.outcome == UNANSWERED else answer.sql,
        candidates=len(queries),
        scored=question.answerable and bool(question.golds),
        ms=round(ms, 2),
        error=error,
        model_error=model_error,
    )
    if not judgement.scored:
        return judgement
    try:
        matches = dict(zip(queries, rule.judge(database, question.golds, queries), strict=True))
    except DatabaseError as failure:
        return replace(judgement, error=f"reference: {failure}")
    return _with_verdicts(judgement, answer, matches)


def _with_verdicts(judgement: Judgement, answer: Answer, matches: Mapping[str, Match]) -> Judgement:
    """`judgement` with what the rule says of the answer and of its candidates."""
    rights = {query for query, match in matches.items() if match.right}
    shown = matches.get(judgement.sql, Match())
    generators: dict[str, tuple[bool, bool]] = {}
    # The best of a generator first; equal scores keep the order of generation, as its own choice does.
    for one in sorted(answer.trace.candidates, key=lambda one: -one.score):
        if one.ran in matches:
            first, _ = generators.get(one.generator, (one.ran in rights, False))
            some = generators.get(one.generator, (False, False))[1] or one.ran in rights
            generators[one.generator] = (first, some)
    return replace(
        judgement,
        right=shown.right,
        lenient=shown.lenient,
        oracle=bool(rights),
        withheld=judgement.outcome == UNANSWERED and _preferred(answer) in rights,
        generators={name: list(pair) for name, pair in generators.items()},
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
