"""`ctxprune sql learn DB`: teach what a team knows about its database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from ctxprune.cli._options import DatabaseArgument, JsonOption
from ctxprune.errors import DatabaseError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ctxprune.sql.database.database import Database
    from ctxprune.sql.knowledge import Entry, KnowledgeFile
    from ctxprune.sql.knowledge.check import Checker

__all__ = ["learn"]

_MOST_READINGS = 20  # of terms that are told


def learn(
    database: DatabaseArgument,
    pair: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="QUESTION SQL", help="A question and the query that answers it.", show_default=False),
    ] = None,
    term: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="TERM MEANING", help="A word of the business and what it means.", show_default=False),
    ] = None,
    note: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="TABLE.COLUMN NOTE", help="What a reader of this column should know.", show_default=False),
    ] = None,
    instruction: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="KIND TEXT",
            help="How questions of a kind are answered; the kinds: multiple, change, ratio, share, difference, "
            "average, per-group, comparison, superlative, total, count, list.",
            show_default=False,
        ),
    ] = None,
    question_kind: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="KIND",
            help="The kind of question that --pair, --term or --note is meant for; default: any.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TABLE.COLUMN",
            help="A column that --term or --instruction is about; default: those that its text names. May be repeated.",
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="Learn all of a file: JSON Lines, JSON as Spider and BIRD have it, CSV (question,sql or "
            "term,meaning or column,note or question_kind,instruction), or another file of knowledge.",
            show_default=False,
        ),
    ] = None,
    traces: Annotated[
        Path | None,
        typer.Option(
            "--from-traces",
            metavar="FILE",
            help="Learn the answers of traces (`sql ask --trace`), one or JSON lines of them, that different queries "
            "confirm: all are run again.",
            show_default=False,
        ),
    ] = None,
    agree: Annotated[
        int, typer.Option(min=2, help="Different queries of a trace that have to give equal rows: --from-traces.")
    ] = 2,
    knowledge: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File of the entries, for instance in your repository; default: one file a database in your "
            "configuration folder.",
            show_default=False,
        ),
    ] = None,
    run: Annotated[bool, typer.Option("--run", help="Also run each query, and refuse those that fail.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Print all entries.")] = False,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Remove the entry with this id. May be repeated.")
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Print entries that no longer fit the database; exit code 1 if there are any."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Teach answered questions, terms, notes on columns and instructions; `sql ask` then uses what fits a question.

    Without --knowledge they go into a file of your own configuration folder, which only this command line reads; with
    it into a file that a team can share: `sql ask --knowledge FILE`, in Python Pipeline(..., knowledge="FILE").

    Queries are checked against the database and must only read. Prints the ids of what was learned. A line about
    something that is known already takes its place. Without a language model, `sql ask` answers with the queries of
    pairs and with the conditions that it can read of terms ("population over 1000000"); what it reads is printed when a
    term is taught. Notes and instructions then only help to choose columns.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._pipelines import report_other_database
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.knowledge import KnowledgeFile, default_path

    adds = any(given is not None for given in (pair, term, note, instruction, source))
    if sum((adds, traces is not None, show, bool(remove), check)) != 1:
        raise typer.BadParameter(
            "give --pair, --term, --note, --instruction or --from; or one of --from-traces, --list, --remove, --check"
        )
    if column and term is None and instruction is None:
        raise typer.BadParameter("it belongs to --term or --instruction", param_hint="--column")
    if question_kind is not None and not any((pair, term, note)):
        raise typer.BadParameter("it belongs to --pair, --term or --note", param_hint="--for")
    with Database(database) as opened:
        file = KnowledgeFile(knowledge if knowledge is not None else default_path(opened))
        if not adds and traces is None and knowledge is None and not file.exists():
            hint = "teach it with --pair, --term, --note, --instruction or --from; or name a file with --knowledge"
            raise InputError("there is no such file of knowledge yet", where=str(file.path), hint=hint)
        _console.check_not_input(file.path, *(path for path in (opened.path, source, traces) if path))
        if file.exists():
            report_other_database(file, opened)
        if traces is not None:
            _learn_traces(opened, file, traces, agree=agree, as_json=as_json)
        elif adds:
            own = _Own(pair, term, note, instruction, question_kind or "", tuple(column or ()))
            empty: list[str] = []
            given = [*own.entries(), *_read(source, opened, empty.append)]
            _learn(opened, file, given, empty, run=run, as_json=as_json)
        elif remove:
            _forget(file, remove, as_json=as_json)
        else:
            _report(opened, file, check=check, as_json=as_json)


class _Own(NamedTuple):
    """The entries on the command line."""

    pair: tuple[str, str] | None
    term: tuple[str, str] | None
    note: tuple[str, str] | None
    instruction: tuple[str, str] | None
    question_kind: str
    columns: tuple[str, ...]

    def entries(self) -> Iterator[Entry]:
        from ctxprune.sql.knowledge import Instruction, Note, Pair, Term

        if self.pair is not None:
            yield Pair(*self.pair, self.question_kind)
        if self.term is not None:
            yield Term(*self.term, self.columns, self.question_kind)
        if self.note is not None:
            yield Note(*self.note, self.question_kind)
        if self.instruction is not None:
            yield Instruction(*self.instruction, self.columns)


def _read(source: Path | None, database: Database, on_empty: Callable[[str], None]) -> tuple[Entry, ...]:
    from ctxprune.sql.knowledge.sources import read_entries

    return () if source is None else read_entries(source, database.name, on_empty=on_empty)


def _learn(
    database: Database, file: KnowledgeFile, given: list[Entry], empty: list[str], *, run: bool, as_json: bool
) -> None:
    """Learn entries; `empty` says which rows of the file have no query."""
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.knowledge import entry_id
    from ctxprune.sql.knowledge.check import Checker

    checker = Checker(database.schema())
    good: list[Entry] = []
    refused: list[tuple[Entry, str]] = []
    with show_progress("checking queries", len(given)) as line:
        for number, entry in enumerate(given, 1):
            kept, why = _checked(database, checker, entry, run=run)
            if why:
                refused.append((entry, why))
            else:
                good.append(kept)
            line.update(number)
    if refused and len(given) == 1 and not empty:
        raise InputError(f"this cannot be learned: {refused[0][1]}", where=_as_line(given[0]), hint=_advice(given[0]))
    change = file.add(good, database=database.name) if good else None
    _say_readings(database, good)
    for entry, why in refused:
        _console.print_note(f"not learned: {_as_line(entry)}: {_console.escape(why)}")
    new, newer, same = (change.added, change.replaced, change.unchanged) if change else ((), (), ())
    for row in empty:
        _console.print_note(f"not learned: {_console.escape(row)}")
    counts = f"{len(new)} learned, {len(newer)} replaced, {len(same)} known before, {len(refused)} refused"
    counts += f", {len(empty)} without a query" if empty else ""
    _console.print_note(f"{counts}: {_console.escape(str(file.path))}")
    if as_json:
        _console.print_json(
            {
                "file": str(file.path),
                "learned": [_document(entry) for entry in new],
                "replaced": [_document(entry) for entry in newer],
                "unchanged": [_document(entry) for entry in same],
                "refused": [_document(entry) | {"why": why} for entry, why in refused],
                "empty": empty,
            }
        )
    else:
        for entry in (*new, *newer, *same):
            typer.echo(entry_id(entry))
    if refused or empty:
        raise typer.Exit(1)


def _say_readings(database: Database, entries: list[Entry]) -> None:
    """On stderr, how terms are read without a language model, and which of them name no column."""
    from ctxprune.cli import _console
    from ctxprune.sql.knowledge import Term
    from ctxprune.sql.knowledge.conditions import term_condition

    terms = [entry for entry in entries if isinstance(entry, Term)]
    for term in terms[:_MOST_READINGS]:
        condition = term_condition(term, database)
        read = f"read as {condition}" if condition else "read as no condition without a language model"
        named = "" if term.columns else "its meaning names no column of the database (--column adds one), and it is "
        _console.print_note(_console.escape(f"{_one_line(term.term)!r}: {named}{read}"))
    if len(terms) > _MOST_READINGS:
        _console.print_note(f"{len(terms) - _MOST_READINGS} more terms")


def _learn_traces(database: Database, file: KnowledgeFile, traces: Path, *, agree: int, as_json: bool) -> None:
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.guard import Guard
    from ctxprune.sql.guard.execution import GuardedRunner
    from ctxprune.sql.knowledge import entry_id
    from ctxprune.sql.knowledge.check import Checker
    from ctxprune.sql.knowledge.traces import TRACE_LIMITS, check_traces, read_traces

    schema = database.schema()
    runner = GuardedRunner(database, Guard(schema.dialect, schema), TRACE_LIMITS)
    questions = read_traces(traces)
    with show_progress("running the traces' queries", len(questions)) as line:
        verdicts = []
        for verdict in check_traces(questions, runner, Checker(schema), database=database.name, agree=agree):
            verdicts.append(verdict)
            line.update(len(verdicts))
    why = {entry_id(verdict.pair): verdict.reason for verdict in verdicts if verdict.pair is not None}
    # what people taught stays: a model's query that few others confirm does not take its place
    pairs = [verdict.pair for verdict in verdicts if verdict.pair is not None]
    change = file.add(pairs, database=database.name, replace=False) if pairs else None
    new, same, known = (change.added, change.unchanged, change.left) if change else ((), (), ())
    left = [(verdict.question, verdict.reason) for verdict in verdicts if verdict.pair is None]
    left += [(entry.question, "another query is taught for this question") for entry in pairs if entry in known]
    for question, reason in left:
        _console.print_note(f"left: {_console.escape(f'{_one_line(question)}: {reason}')}")
    for entry in (*new, *same):
        _console.print_note(f"kept: {_as_line(entry)}: {_console.escape(why[entry_id(entry)])}")
    counts = f"{len(new)} learned, {len(same)} known before, {len(left)} left"
    _console.print_note(f"{counts}: {_console.escape(str(file.path))}")
    if as_json:
        kept = {
            name: [_document(entry) | {"why": why[entry_id(entry)]} for entry in entries]
            for name, entries in (("learned", new), ("unchanged", same))
        }
        left_out = [{"question": question, "why": reason} for question, reason in left]
        _console.print_json({"file": str(file.path), **kept, "left": left_out})
    else:
        for entry in (*new, *same):
            typer.echo(entry_id(entry))


def _one_line(text: str) -> str:
    from ctxprune.sql.generate.prompts.base import one_line

    return one_line(text, 200)


def _advice(entry: Entry) -> str:
    """How a column is named, where that was not known."""
    from ctxprune.sql.knowledge.entries import entry_columns

    return "write TABLE.COLUMN" if any("." not in column for column in entry_columns(entry)) else ""


def _checked(database: Database, checker: Checker, entry: Entry, *, run: bool) -> tuple[Entry, str]:
    """The entry as it is to be kept, and why it is refused, if it is."""
    from ctxprune.sql.knowledge import Pair

    try:
        kept = checker.learned(entry)
        if run and isinstance(kept, Pair):
            database.execute(checker.query(kept))
    except InputError as error:
        return entry, error.what
    except DatabaseError as error:
        return entry, f"its query fails: {error.what}"
    return kept, ""


def _forget(file: KnowledgeFile, ids: list[str], *, as_json: bool) -> None:
    from ctxprune.cli import _console

    gone = file.remove(ids)
    _console.print_note(f"{_console.format_count(len(gone), 'line')} forgotten: {_console.escape(str(file.path))}")
    if as_json:
        _console.print_json({"file": str(file.path), "removed": [_document(entry) for entry in gone]})
    else:
        _lines(gone)


def _report(database: Database, file: KnowledgeFile, *, check: bool, as_json: bool) -> None:
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.knowledge import entry_id
    from ctxprune.sql.knowledge.check import Checker

    entries, why = file.read(), dict[str, str]()
    if check:
        checker = Checker(database.schema())
        with show_progress("checking entries", len(entries)) as line:
            for number, entry in enumerate(entries, 1):
                why[entry_id(entry)] = checker.problem(entry)
                line.update(number)
    stale = [entry for entry in entries if why.get(entry_id(entry))]
    if as_json:
        listed = [_document(entry) | ({"stale": why[entry_id(entry)]} if check else {}) for entry in entries]
        _console.print_json({"file": str(file.path), "entries": listed})
    elif check:
        for entry in stale:
            typer.echo(f"{_as_line(entry)}  ({_console.escape(why[entry_id(entry)])})")
    else:
        _lines(entries)
    about = f"{len(stale)} stale of {len(entries)}" if check else _console.format_count(len(entries), "line")
    _console.print_note(f"{about}: {_console.escape(str(file.path))}")
    if stale:
        raise typer.Exit(1)


def _document(entry: Entry) -> dict[str, object]:
    from ctxprune.sql.knowledge import entry_id
    from ctxprune.sql.knowledge.entries import entry_to_dict

    return {"id": entry_id(entry), **entry_to_dict(entry)}


def _lines(entries: tuple[Entry, ...]) -> None:
    for entry in entries:
        typer.echo(_as_line(entry))


def _as_line(entry: Entry) -> str:
    """An entry on one printable line, after its id."""
    from ctxprune.cli import _console
    from ctxprune.sql.generate.prompts.base import one_line
    from ctxprune.sql.knowledge import Instruction, Note, Pair, entry_id
    from ctxprune.sql.knowledge.entries import entry_columns, entry_name, explanation

    left, right = entry_name(entry), entry.sql if isinstance(entry, Pair) else explanation(entry)
    if not isinstance(entry, Note) and entry_columns(entry):
        right += f" [{', '.join(entry_columns(entry))}]"
    if entry.question_kind and not isinstance(entry, Instruction):
        left += f" (for {entry.question_kind})"
    kind = type(entry).__name__.lower()
    return _console.escape(f"{entry_id(entry)}  {kind:4}  {one_line(left)}  =>  {one_line(right)}")
