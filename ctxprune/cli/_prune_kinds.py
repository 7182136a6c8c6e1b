"""`ctxprune prune` on pages, tables, JSON, schemas, tools and logs: each in its own form.

Tables in files larger than memory (Parquet, Arrow IPC, CSV of many megabytes) are read a part at a time.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ctxprune.cli._prune_inputs import LINES, Format, beginning, read_bytes, read_text, write_texts
from ctxprune.cli._scorers import make_kind_scorer
from ctxprune.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.cli._prune_passages import TextOptions
    from ctxprune.cli._prune_task import PruneTask
    from ctxprune.context.base import Context
    from ctxprune.pruning.result import Pruned
    from ctxprune.rag.html import HtmlPage
    from ctxprune.rag.html.options import HtmlOutput

__all__ = [
    "FILE_BUDGET",
    "check_kind_options",
    "is_table_file",
    "kind_of",
    "print_main_text",
    "prune_kind",
    "prune_table_file",
    "read_kind",
]

_SEARCHED = 1_000  # entries of a folder without pages, to say what else is in it
_NOTED = frozenset({"csv", "table", "tsv"})
_SCHEMAS = frozenset({"schema", "tools"})
_JSON = frozenset({"json", "schema", "tools"})  # values one after the other are JSON; names between them are not
_SENTENCES = frozenset({Format.text, Format.markdown, Format.jsonl})


FILE_BUDGET = "2000"
"""Tokens of what is kept, where nothing else says how much."""
_DELIMITED = frozenset({".csv", ".tab", ".tsv"})
_ENDINGS = frozenset({".arrow", ".feather", ".ipc", ".parquet", ".pq"})
_LARGE = 8 << 20  # bytes of a CSV file that is not read whole


def kind_of(files: Sequence[Path], form: Format) -> str | None:
    """The kind of all files, a name of `ctxprune.rag.kinds.KINDS`; None for those that are read as sentences.

    Raises:
        typer.BadParameter: The files are of several kinds that do not go together.
    """
    if form is not Format.auto:
        return None if form in _SENTENCES else form.value
    kinds = sorted({*map(_kind, files)})
    if kinds == ["text"]:
        return None
    if len(kinds) > 1:
        raise typer.BadParameter(
            f"{' and '.join(kinds)} do not go together: prune the files of each kind in a call of their own",
            param_hint="FILES",
        )
    return kinds[0]


def check_kind_options(kind: str | None, *, note: bool, compliance: bool, written: bool = False) -> None:
    """Refuse options that are for other kinds; None is the kind of texts and of tables that are read in parts, and
    `written` says whether anything else is to go to a file.

    Raises:
        typer.BadParameter: One is given.
    """
    if note and kind not in _NOTED:
        raise typer.BadParameter("it is for tables in text only", param_hint="--note")
    if compliance and kind not in _SCHEMAS:
        raise typer.BadParameter("it is for JSON schemas and tools only", param_hint="--compliance")
    if written:
        raise typer.BadParameter(
            "it is for one file of a table in CSV, TSV, Parquet or Arrow; write what is kept of others with > FILE",
            param_hint="--output",
        )


def prune_kind(
    task: PruneTask,
    kind: str,
    options: TextOptions,
    *,
    form: HtmlOutput | None = None,
    note: bool = False,
    compliance: bool = False,
) -> None:
    """Read, prune, write.

    Args:
        task: What all kinds share.
        kind: A name of `ctxprune.rag.kinds.KINDS`.
        options: Those for text, of which none may be given.
        form: What pages become; None for HTML, and for all other kinds.
        note: Whether a table says what was left out; for tables in text.
        compliance: Whether to report what constrained decoding can enforce; for schemas and tools.

    Raises:
        typer.BadParameter: An option is for another kind.
        InputError, BudgetError, UsageError: As what it calls.
    """
    from ctxprune.cli._progress import show_progress
    from ctxprune.pruning.pruner import Pruner
    from ctxprune.rag.kinds import KINDS

    options.check_unused(kind)
    if form is not None and kind != "html":
        raise typer.BadParameter(f"it is for pages only, and this is {kind}", param_hint="--as")
    with show_progress("reading") as line:
        names, contexts = read_kind(task.files, kind, form)
        if kind == "html" and not any(context.units for context in contexts):
            raise InputError("there is no text to prune", where=", ".join(names))
        if note:
            contexts = [table.with_note(note=True) for table in contexts]
        context = contexts[0] if len(contexts) == 1 else _joined(contexts)
        line.name_step("pruning")
        scorer = make_kind_scorer(task.scorer, task.model)
        result = Pruner(scorer, task.policy, None, task.on_empty).prune(task.question, context)
    kept = _describe_kept(result, context, KINDS[kind].units)
    details: dict[str, object] = {"files": names, "kind": kind}
    if compliance:
        details["compliance"] = _report_compliance([result.output] if len(contexts) == 1 else result.output, names)
    if not task.report(result, names, kept, details):
        if len(contexts) == 1:
            write_texts([result.output])
        else:
            write_texts(result.output, () if kind in _JSON else names)


def _report_compliance(outputs: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
    """For each output what is beyond the common core of constrained decoding; a line for each on stderr."""
    from ctxprune.cli._console import print_note
    from ctxprune.rag.jsonschema import check_compliance

    made = []
    for name, output in zip(names, outputs, strict=True):
        found = check_compliance(output)
        for place in found.beyond:
            print_note(f"{name}: beyond the common core of constrained decoding: {place}")
        if found.is_covered:
            print_note(f"{name}: all keywords are in the common core of constrained decoding")
        made.append({"file": name, **found.to_dict()})
    return made


def _describe_kept(result: Pruned[Any], context: Context[Any], units: str) -> str:
    """How many units were kept; of tables rows and columns each."""
    from ctxprune.context.grid import column_units

    columns = frozenset(column_units(context.grids)) if context.kind == "table" else frozenset()
    if not columns:
        return f"{len(result.kept)} of {len(result.units)} {units}"
    rows = frozenset(unit for grid in context.grids for unit in grid.row_units)
    kept = {unit.index for unit in result.kept}
    return f"{len(kept & rows)} of {len(rows)} rows and {len(kept & columns)} of {len(columns)} columns"


def _kind(path: Path) -> str:
    """The kind of a file by its name extension, else by its content; "text" for all that is read as sentences."""
    from ctxprune.rag.kinds import guess_kind

    if path.is_dir():
        return "html"
    kind = "text" if path.suffix.lower() in LINES else guess_kind(path.name, lambda: beginning(path))
    return "text" if kind == "markdown" else kind


def print_main_text(files: Sequence[Path], form: HtmlOutput | None) -> None:
    """Print the main text of each page; several are taken for pages of one site.

    Raises:
        InputError: A page cannot be read.
    """
    from ctxprune.cli._console import print_note
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag.html import extract_main_text, site_texts

    with show_progress("reading") as line:
        _, pages = read_kind(files, "html", form)
        known, found = site_texts(pages), []
        line.name_step("main text", len(pages))
        for page in pages:
            found.append(extract_main_text(page, known=known))
            line.update(len(found))
    # What is installed decides it, so it is said.
    if any(text.backend != "own" for text in found):
        print_note("main text: what trafilatura and the rules of ctxprune agree on")
    write_texts([text.text for text in found])


def read_kind(files: Sequence[Path], kind: str, form: HtmlOutput | None = None) -> tuple[list[str], list[Any]]:
    """The names of the files, and their contexts.

    Raises:
        InputError: A file cannot be read, or is not of that kind.
    """
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag.kinds import KINDS

    names: list[str] = []
    contexts: list[Any] = []
    paths = _each(files, kind)
    with show_progress("reading", len(paths)) as line:
        for path in paths:
            name = "stdin" if str(path) == "-" else str(path)
            try:
                contexts.append(_page(path, form) if kind == "html" else KINDS[kind].read(read_text(path)))
            except (InputError, UsageError) as error:
                raise _located(error, name) from error
            names.append(name)
            line.update(len(names))
    return names, contexts


def _page(path: Path, form: HtmlOutput | None) -> HtmlPage:
    from ctxprune.rag.html import HtmlOptions, HtmlPage
    from ctxprune.rag.sniff import sniff_binary

    data = read_bytes(path)
    # The HTML parser would find some text in any bytes.
    if (binary := sniff_binary(data)) is not None:
        raise InputError(f"this is {binary[0]}, no HTML page", hint=binary[1])
    return HtmlPage(data, HtmlOptions(output=form or "html"))


def _each(files: Sequence[Path], kind: str) -> list[Path]:
    """The files, and for a folder the pages in it at any depth, sorted."""
    from ctxprune.rag.kinds import KINDS

    found: list[Path] = []
    for path in files:
        if kind != "html" or not path.is_dir():
            found.append(path)
            continue
        pages = sorted(page for page in path.rglob("*") if page.suffix.lower() in KINDS["html"].endings)
        if not pages:
            endings = Counter(one.suffix for one in islice(path.rglob("*"), _SEARCHED) if one.suffix and one.is_file())
            such = "".join(f", such as {path / '*'}{ending}" for ending, _ in endings.most_common(1))
            hint = f"a folder stands for the web pages in it; give other files by name{such}"
            raise InputError("there is no HTML page in the folder", where=str(path), hint=hint)
        found += pages
    return found


def _located(error: InputError | UsageError, name: str) -> InputError:
    """The error with the name of the file, unless it names it already."""
    where = error.where if name in error.where else ", ".join(filter(None, (name, error.where)))
    return InputError(error.what, where=where, hint=error.hint)


def _joined(contexts: Sequence[Context[Any]]) -> Context[list[str]]:
    from ctxprune.context.joined import JoinedContext

    return JoinedContext(contexts)


def is_table_file(files: Sequence[Path], form: Format, *, written: bool = False) -> bool:
    """Whether `files` is a single file of a table that is read a part at a time: one of a binary format, a large one,
    and any that is to be `written` to a file.

    Raises:
        typer.BadParameter: There are several files, and one of them is of that kind; or `form` says something else.
    """
    binary = [path for path in files if path.suffix.lower() in _ENDINGS]
    if binary and form is not Format.auto:
        raise typer.BadParameter(f"{binary[0].name} is not read as {form.value}", param_hint="--format")
    if binary and len(files) > 1:
        raise typer.BadParameter(f"{binary[0].name} is read by itself", param_hint="FILES")
    if binary:
        return True
    # Read whole, a table takes many times the size of its file in memory.
    delimited = form in {Format.csv, Format.tsv} or (form is Format.auto and files[0].suffix.lower() in _DELIMITED)
    return len(files) == 1 and delimited and files[0].is_file() and (written or files[0].stat().st_size > _LARGE)


def prune_table_file(task: PruneTask, options: TextOptions, output: Path | None) -> None:
    """Prune the file; what is kept goes to `output`, in the file's format, or as CSV to stdout.

    Raises:
        typer.BadParameter: An option is for text only.
        InputError, BudgetError, UsageError, MissingExtraError: As `ctxprune.rag.tables.prune_file`.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.policies.budget_share import BudgetShare
    from ctxprune.pruning.pruner import Pruner
    from ctxprune.rag.tables import prune_file

    options.check_unused("a table")
    if isinstance(task.policy, BudgetShare):
        raise typer.BadParameter("a table that is read in parts takes a number of tokens", param_hint="--budget")
    [path] = task.files
    if output is not None:
        _console.check_target(output, path)
    with show_progress(f"pruning {path.name}"):
        scorer = make_kind_scorer(task.scorer, task.model)
        pruner = Pruner(scorer, task.policy, None, task.on_empty)
        pruned_file = prune_file(path, task.question, output, pruner=pruner)
    result = replace(pruned_file.pruned, output=pruned_file.text, note=pruned_file.note)
    details = {"files": [str(path)], "rows": pruned_file.rows, "columns": pruned_file.columns}
    (rows, all_rows), (columns, all_columns) = pruned_file.rows, pruned_file.columns
    kept = f"{rows:,} of the {all_rows:,} rows of the file and {columns:,} of {all_columns:,} columns"
    if not task.report(result, [str(path)], kept, details) and output is None:
        write_texts([pruned_file.text])
