"""`ctxprune sql ask DB "question"`: an answer as SQL and rows."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctxprune.cli._options import (
    DatabaseArgument,
    EvidenceOption,
    GenerationOptions,
    PublishedOption,
    with_option_groups,
)
from ctxprune.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ctxprune.sql.generate.base import Generator
    from ctxprune.sql.pipeline.answer import Answer
    from ctxprune.sql.pipeline.pipeline import Pipeline

__all__ = ["ask"]

_MOST_ROWS = 50


@dataclass(frozen=True)
class EndpointOptions:
    """Prices and limits of chat:URL."""

    price_in: Annotated[
        float | None, typer.Option(min=0, help="Price of a million prompt tokens of chat:URL; or $CTXPRUNE_PRICE_IN.")
    ] = None
    price_out: Annotated[
        float | None, typer.Option(min=0, help="Price of a million answer tokens; or $CTXPRUNE_PRICE_OUT.")
    ] = None
    rpm: Annotated[
        int | None, typer.Option(min=1, help="Requests a minute that chat:URL allows; or $CTXPRUNE_RPM.")
    ] = None
    tpm: Annotated[int | None, typer.Option(min=1, help="Tokens a minute that it allows; or $CTXPRUNE_TPM.")] = None


@with_option_groups
def ask(
    database: DatabaseArgument,
    question: Annotated[
        str, typer.Argument(help="In plain words; - for a conversation, one question a line of stdin.")
    ],
    evidence: EvidenceOption = "",
    *,
    generation: GenerationOptions,
    index: Annotated[
        Path | None, typer.Option(help="Folder of the value index; default: in your cache folder.", show_default=False)
    ] = None,
    published: PublishedOption = "",
    knowledge: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File that `sql learn` wrote; default: this database's own, if any.",
            show_default=False,
        ),
    ] = None,
    endpoint: EndpointOptions,
    trace: Annotated[
        Path | None, typer.Option(help="Write the trace to this file, as JSON; not with -.", show_default=False)
    ] = None,
    show_trace: Annotated[
        bool,
        typer.Option(
            "--show-trace", help="Print the steps, candidates and queries as a tree on stderr; with --json, the trace."
        ),
    ] = False,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Least confidence of an answer without reserve; default: as measured.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document; with -, one each line.")] = False,
) -> None:
    """Ask a database a question in plain words. It is only ever read.

    An answer is given without reserve, as tentative (with what is doubted and the next best query), or not at all: then
    the exit code is 1, and stdout holds nothing (with --json, "refused": true). With - the exit code is 0 all the same.
    The first question reads the stored texts into an index in your cache folder; of a large database that takes a
    while, once.
    The API key is read from $CTXPRUNE_API_KEY. Model answers are cached; requests that fail because the server is busy
    or the connection breaks are retried. `sql learn` teaches what a team knows.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._pipelines import generators_from_options, load_knowledge, open_values
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.pipeline.factory import PaidEndpoint, PipelineFactory

    _check_order(database, question)
    generator, plain = generation.generator, generation.plain
    if plain and knowledge is not None:
        raise typer.BadParameter("--plain uses no knowledge", param_hint="--knowledge")
    if question == "-" and trace is not None:
        raise typer.BadParameter("one file holds the trace of one question, and - asks many", param_hint="--trace")
    with Database(database) as source:
        files = (source.path, generator.partition(":")[2], generation.examples, knowledge)
        inputs = [path for path in files if path]
        if trace is not None:
            _console.check_target(trace, *inputs)
        if generation.cache is not None:
            _console.check_not_input(generation.cache, *inputs)
        # After the checks of files, since opening a local model takes seconds.
        with show_progress("opening the model and the database"):
            writers = generators_from_options(generation, PaidEndpoint(**asdict(endpoint)))
            factory = PipelineFactory(
                writers,
                candidates=generation.candidates,
                plain=plain,
                seed=generation.seed,
                answer_above=min_confidence,
            )
            if plain:
                pipeline = factory.make(source)
            else:
                entries = load_knowledge(source, knowledge)
                pipeline = factory.make(source, values=open_values(source, index, published), knowledge=entries)
        _console.report_unreadable(source)
        report = partial(_report, generator=generator, evidence=evidence, as_json=as_json, traced=show_trace)
        if question == "-":
            _report_all(_converse(pipeline, writers, evidence), report)
        else:
            with show_progress("answering"):
                answer = pipeline.ask(question, evidence)
            if trace is not None:
                _console.write_file(trace, _json(answer), *inputs)
            report(answer)
            if answer.refused:
                raise typer.Exit(1)


def _check_order(database: str, question: str) -> None:
    """Refuse a question in the place of the database.

    Raises:
        typer.BadParameter: The first argument is no file, and the second one is.
    """
    try:
        swapped = (
            "://" not in database and not Path(database).exists() and ("://" in question or Path(question).is_file())
        )
    except (OSError, ValueError):  # too long for a path, or with a NUL character
        return
    if swapped:
        raise typer.BadParameter("the database comes first, then the question", param_hint="DB")


def _converse(pipeline: Pipeline, generators: Sequence[Generator], evidence: str) -> Iterator[Answer]:
    """The answers to the lines of stdin, each before the next line is read; stderr says how follow-ups were read.

    Follow-ups are completed by the chat model that writes the queries, where there is one, and by rule otherwise.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.pipeline.conversation import Conversation
    from ctxprune.sql.rewrite.base import UNRESOLVED
    from ctxprune.sql.rewrite.chat import ChatRewriter
    from ctxprune.utils.foreign import optional_member

    # a registered plug-in may have a model too; the protocol of generators does not name it
    models = (optional_member(writer, "model") for writer in generators)
    model = next((found for found in models if found is not None), None)
    talk = Conversation(pipeline, rewriter=None if model is None else ChatRewriter(model))
    for line in filter(str.strip, sys.stdin):
        with show_progress("answering"):
            answer = talk.ask(line, evidence)
        rewritten = answer.trace.rewritten
        if rewritten is not None and rewritten.changed:
            _console.print_note(f"taken as: {_console.escape(answer.question)} ({rewritten.rewriter})")
        elif rewritten is not None and rewritten.kind == UNRESOLVED:
            _console.print_note(f"taken as it is: {rewritten.reason}")
        yield answer


def _report_all(answers: Iterable[Answer], report: Callable[[Answer], None]) -> None:
    """`report` of each as it comes; a model that fails for one does not keep the next from being asked.

    Raises:
        typer.Exit: The model failed for some.
    """
    from ctxprune.cli import _console

    failed = False
    for answer in answers:
        try:
            report(answer)
        except ModelError as error:
            failed = True
            _console.print_note(_console.format_error(error))
    if failed:
        raise typer.Exit(1)


def _report(answer: Answer, generator: str, evidence: str, *, as_json: bool, traced: bool) -> None:
    """Print an answer to stdout, and notes about it, with its trace where that is wanted, to stderr.

    Raises:
        ModelError: The model failed, so that there is no answer.
    """
    from ctxprune.cli import _console
    from ctxprune.sql.pipeline.trace_text import draw_trace

    if traced and not as_json:
        _console.print_tree(draw_trace(answer))
    if answer.refusal is not None and answer.refusal.kind == "model":
        raise ModelError(f"the language model failed: {_failure(answer)}")
    if answer.trace.model_errors:
        _console.print_note(f"the language model failed: {_failure(answer)}{_stand_in(answer)}")
    else:
        _say_unused(answer)
    if generator in {"sketch", "sketch.v1"} and (evidence.strip() or _explained(answer)) and _is_unsure(answer):
        _console.print_note("terms, notes and --evidence were read without a language model: check the query for them")
    if as_json:
        chosen = None if answer.trace.chosen is None else answer.trace.candidates[answer.trace.chosen].generator
        extra = {"generator": chosen, "model_errors": list(answer.trace.model_errors)}
        _console.print_json(answer.to_dict(trace=traced) | extra)
    else:
        _show(answer)


def _is_unsure(answer: Answer) -> bool:
    from ctxprune.sql.trust.outcome import TENTATIVE

    return answer.outcome == TENTATIVE


def _failure(answer: Answer) -> str:
    from ctxprune.sql.generate.prompts.base import one_line

    return one_line(next(iter(answer.trace.model_errors), "it gave no answer"), 400)


def _stand_in(answer: Answer) -> str:
    """Says that the answer is of a generator without a model, where it is."""
    if answer.trace.chosen is None:
        return ""
    chosen = answer.trace.candidates[answer.trace.chosen]
    return "" if chosen.prompt is not None else f"; this answer comes from {chosen.generator.partition('.v')[0]}"


def _say_unused(answer: Answer) -> None:
    """Print a note where none of the model's queries ran and another generator's query was used."""
    from ctxprune.cli import _console

    asked = [candidate for candidate in answer.trace.candidates if candidate.prompt is not None]
    if asked and all(candidate.rows is None for candidate in asked) and not answer.refused:
        why = next((candidate.error for candidate in asked if candidate.error), "")
        why = f" ({_console.escape(' '.join(why.split())[:200])})" if why else ""
        _console.print_note(f"nothing that the language model wrote could run{why}{_stand_in(answer)}")


def _explained(answer: Answer) -> bool:
    """Whether a term or a note was kept for the question."""
    knowledge_trace = answer.trace.knowledge
    return knowledge_trace is not None and any(
        entry.kept and not entry.id.startswith("p") for entry in knowledge_trace.entries
    )


def _json(answer: Answer) -> str:
    import json

    return json.dumps(answer.trace.to_dict(), ensure_ascii=False, indent=1, default=str) + "\n"


def _show(answer: Answer) -> None:
    """The outcome to stderr, rows and query to stdout, doubts and counts to stderr; of a refusal nothing to stdout."""
    from rich.text import Text

    from ctxprune.cli import _console

    _console.print_note(_outcome(answer))
    if not answer.refused:
        console = _console.stdout_console()
        console.print(_console.make_rows_table(answer.columns, answer.rows, most=_MOST_ROWS))
        console.print(Text(_console.escape(answer.sql), style="bold"), soft_wrap=True)
    _show_doubts(answer)
    _account(answer)


def _outcome(answer: Answer) -> str:
    """ "ANSWERED 94 %", "TENTATIVE 86 %, in doubt: …", "A GUESS, 7 %: …" or "NO ANSWER: …"."""
    from ctxprune.cli import _console
    from ctxprune.sql.pipeline.answer import format_confidence
    from ctxprune.sql.trust.outcome import ANSWERED, GUESS_BELOW

    if answer.refused:
        return _console.escape(f"NO ANSWER: {answer.reason}")
    sure = format_confidence(answer.confidence)
    if answer.outcome == ANSWERED:
        return f"ANSWERED {sure}"
    count = len(answer.doubts)
    told = "" if not count else f", {_console.format_count(count, 'doubt')} below the rows"
    return (f"A GUESS, {sure}" if answer.confidence < GUESS_BELOW else f"TENTATIVE {sure}") + told


def _show_doubts(answer: Answer) -> None:
    """Print to stderr what of the question was not used, what is doubted (other readings too), and a question back."""
    from ctxprune.cli import _console

    # Of a refusal the reason has named the words already.
    for doubt in () if answer.refused else answer.doubts:
        _console.print_note(_console.escape(str(doubt)))
    if answer.question_back:
        _console.print_note(_console.escape(answer.question_back))


def _account(answer: Answer) -> None:
    """Print costs and counts to stderr."""
    from ctxprune.cli import _console

    trace = answer.trace
    more = len(answer.rows) - _MOST_ROWS
    if more > 0:
        _console.print_note(f"{_console.format_count(more, 'more row')} (--json prints all)")
    if trace.chosen is not None and (repairs := trace.candidates[trace.chosen].repairs):
        written = _console.escape(" ".join(repairs[0].split()))
        _console.print_note(f"repaired, since this failed or gave nothing: {written}")
    if answer.result is not None and answer.result.truncated:
        _console.print_note("the result was cut at a limit on rows or bytes")
    if trace.linked is not None:
        link = trace.linked
        tokens = f", {link.tokens_before} to {link.tokens_after} tokens" if link.tokens_before else ""
        _console.print_note(
            f"schema: {link.columns_before} to {_console.format_count(link.columns_after, 'column')}{tokens}"
        )
    if trace.knowledge is not None:
        kept = sum(entry.kept for entry in trace.knowledge.entries)
        entries = _console.format_count(kept, "line")
        _console.print_note(f"knowledge: {entries} used, {trace.knowledge.tokens_after} tokens{_left_out(answer)}")
    if not trace.candidates and not trace.tokens_in:
        return
    ran = sum(candidate.rows is not None for candidate in trace.candidates)
    asked = f", {trace.tokens_in} tokens in, {trace.tokens_out} out" if trace.tokens_in else ""
    asked += "" if trace.cost is None else f", cost {trace.cost:.6g}"
    _console.print_note(f"candidates: {len(trace.candidates)}, {ran} ran; {trace.ms:.0f} ms{asked}")


def _left_out(answer: Answer) -> str:
    knowledge_trace = answer.trace.knowledge
    stale = len(knowledge_trace.left_out) if knowledge_trace is not None else 0
    return f"; {stale} stale (sql learn --check)" if stale else ""
