"""`ctxprune prune`: a text, page, table, JSON document or log in, what the question needs of it out."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ctxprune.cli._options import FilesArgument, ModelOption, with_option_groups
from ctxprune.cli._prune_inputs import Format
from ctxprune.cli._prune_passages import TextOptions
from ctxprune.cli._prune_policy import PolicyName, SelectionOptions, make_policy

if TYPE_CHECKING:
    from ctxprune.rag.html.options import HtmlOutput

__all__ = ["PolicyName", "prune"]


_FORMATS = ", ".join(name.value for name in Format)


class PageForm(StrEnum):
    """Output form of a page."""

    html = "html"
    markdown = "markdown"
    text = "text"


class OnEmpty(StrEnum):
    """What to keep where no unit is chosen."""

    drop = "drop"
    keep_all = "keep_all"
    keep_best = "keep_best"


@with_option_groups
def prune(
    files: FilesArgument = None,
    *,
    question: Annotated[str | None, typer.Option("-q", "--question", help="What the input is needed for.")] = None,
    main: Annotated[bool, typer.Option("--main", help="Print the main text of pages; takes no question.")] = False,
    scorer: Annotated[
        str | None,
        typer.Option(
            help="Registered name of a scorer, used for every kind of input; default: mixture for text, the scorer made"
            " for it for any other kind.",
            show_default=False,
        ),
    ] = None,
    model: ModelOption = None,
    selection: SelectionOptions,
    on_empty: Annotated[
        OnEmpty,
        typer.Option(
            metavar="NAME", help="What to keep where no unit is chosen: drop (nothing), keep_all or keep_best."
        ),
    ] = OnEmpty.keep_best,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            metavar="NAME",
            help=f"How to read the files: {_FORMATS}; auto goes by file name extension, then by content.",
        ),
    ] = Format.auto,
    text: TextOptions,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with spans and scores.")] = False,
    as_form: Annotated[
        PageForm | None, typer.Option("--as", metavar="FORM", help="Output form of pages: html, markdown or text.")
    ] = None,
    note: Annotated[bool, typer.Option("--note", help="Add a line to a table that says what was left out.")] = False,
    compliance: Annotated[
        bool,
        typer.Option(
            "--compliance",
            help="Also say which keywords of what is kept of a schema or of tools are beyond those that all engines for"
            " constrained decoding have.",
        ),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Output file for one table in CSV, TSV, Parquet or Arrow.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write an HTML page that shows what was dropped.")] = None,
) -> None:
    """Keep what a question needs of texts, pages, tables, JSON, logs and graphs, each in its own form, byte for byte.

    What is kept goes to stdout, a summary to stderr. One budget holds for all files.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._prune_kinds import (
        FILE_BUDGET,
        check_kind_options,
        is_table_file,
        kind_of,
        print_main_text,
        prune_kind,
        prune_table_file,
    )
    from ctxprune.cli._prune_passages import prune_passages
    from ctxprune.cli._prune_task import PruneTask, options_named
    from ctxprune.rag.kinds import TABLES

    paths = files or [Path("-")]
    page_form: HtmlOutput | None = None if as_form is None else as_form.value
    is_file = is_table_file(paths, form, written=output is not None)
    kind = None if is_file else kind_of(paths, form)
    if main:
        if kind != "html" or question is not None:
            raise typer.BadParameter("it is for pages, and for no question", param_hint="--main")
        print_main_text(paths, page_form)
        return
    if question is None:
        raise typer.BadParameter("say what the input is needed for", param_hint="-q")
    if is_file and selection.unlimited:
        # Nothing else would bound what is kept of a file that may be larger than memory.
        selection = replace(selection, budget=FILE_BUDGET)
    policy = make_policy(selection, table=is_file or kind in TABLES)
    task = PruneTask(question, paths, scorer, model, policy, on_empty.value, as_json, html)
    # Before the work, so that an unwritable page costs no time.
    if html is not None:
        _console.check_target(html, *task.input_files)
    check_kind_options(kind, note=note, compliance=compliance, written=output is not None and not is_file)
    with options_named():
        if is_file:
            prune_table_file(task, text, output)
        elif kind is None:
            prune_passages(task, form, text)
        else:
            prune_kind(task, kind, text, form=page_form, note=note, compliance=compliance)
