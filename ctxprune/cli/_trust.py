"""What `bench sqleval`, `bench trust`, `bench sparc` and `bench cosql` share: asking a set with a progress bar."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ctxprune.cli._options import GenerationOptions
    from ctxprune.sql.evaluation.trust.judgement import Judgement
    from ctxprune.sql.evaluation.trust.questions import QuestionSet
    from ctxprune.sql.pipeline.factory import PipelineFactory

__all__ = [
    "BarOption",
    "ItemsOption",
    "LogOption",
    "ask_set",
    "check_log",
    "make_factory",
    "options_record",
    "shown_generator",
]

LogOption = Annotated[
    Path | None, typer.Option(help="File that keeps finished questions; a run that was stopped goes on from it.")
]
BarOption = Annotated[
    float | None,
    typer.Option(
        "--min-confidence", min=0, max=1, help="Least confidence of an outcome `answered`; default: the pipeline's own."
    ),
]
ItemsOption = Annotated[bool, typer.Option("--items", help="With --json: the judgement of each question as well.")]


def ask_set(
    questions: QuestionSet, factory: PipelineFactory, *, log: Path | None, options: dict[str, Any]
) -> tuple[Judgement, ...]:
    """Ask all questions of a set; stderr shows the progress, and says what cannot be asked.

    Args:
        questions: The set.
        factory: Makes the pipelines.
        log: File that keeps finished questions.
        options: Those of `options_record` that `factory` was made from.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.evaluation.trust.ask import ask_questions

    check_log(log, *questions.databases.values())
    missing = len(questions.questions) - len(questions.present)
    if missing:
        _console.print_note(f"{_console.format_count(missing, 'question')} left out: the database is absent")
    with show_progress(questions.name, len(questions.present)) as line:
        return ask_questions(questions, factory, log=log, options=options, progress=line.update)


def make_factory(generation: GenerationOptions, answer_above: float | None = None) -> PipelineFactory:
    """The pipelines that the options name; `answer_above` is the least confidence of "answered"."""
    from ctxprune.cli._pipelines import generators_from_options
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.pipeline.factory import PipelineFactory

    with show_progress("opening the model"):
        writers = generators_from_options(generation)
    return PipelineFactory(
        writers,
        candidates=generation.candidates,
        plain=generation.plain,
        seed=generation.seed,
        answer_above=answer_above,
    )


def check_log(log: Path | None, *inputs: Path) -> None:
    """Make sure that the log is none of the files that are read."""
    from ctxprune.cli import _console

    if log is not None:
        _console.check_not_input(log, *inputs)


def options_record(generation: GenerationOptions, answer_above: float | None = None) -> dict[str, Any]:
    """What the answers depend on, for a log: no path but a name."""
    record = {name: value for name, value in asdict(generation).items() if name != "cache"}
    record["examples"] = generation.examples.name if generation.examples is not None else None
    return record | {"answer_above": answer_above, "generator": shown_generator(generation.generator)}


def shown_generator(generator: str) -> str:
    """The generator without the folder of a model file."""
    kind, _, rest = generator.partition(":")
    return f"{kind}:{Path(rest).name}" if kind == "chat" and "://" not in rest else generator
