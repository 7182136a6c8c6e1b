"""`ctxprune prune`: a text, page, table, JSON document or log in, what the question needs of it out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ctxprune.cli._prune_inputs import Format
from ctxprune.cli._prune_policy import HowMuch, PolicyName, named_policy, wrapped_policy
from ctxprune.cli._scorers import MODEL_HELP

__all__ = ["PolicyName", "prune"]


_FORMATS, _POLICIES = (", ".join(name.value for name in names) for names in (Format, PolicyName))


class PageForm(StrEnum):
    """What a page becomes."""

    html = "html"
    markdown = "markdown"
    text = "text"


class OnEmpty(StrEnum):
    """What to do where nothing is worth keeping."""

    drop = "drop"
    keep_all = "keep_all"
    keep_best = "keep_best"


def prune(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Files, or folders of HTML pages; none, or -, reads stdin.", show_default=False),
    ] = None,
    *,
    question: Annotated[str | None, typer.Option("-q", "--question", help="What it is needed for.")] = None,
    main: Annotated[bool, typer.Option("--main", help="Print the main text of pages, for no question.")] = False,
    scorer: Annotated[
        str, typer.Option(help="Registered name of the scorer of words; rows and columns of tables have their own.")
    ] = "cascade",
    model: Annotated[str | None, typer.Option(help=MODEL_HELP)] = None,
    policy: Annotated[
        PolicyName | None,
        typer.Option(metavar="NAME", help=f"How to choose: {_POLICIES}; default: by the number given, else adaptive."),
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(min=0, help="Tokens that what is kept may take, of all files; 2,000 for Parquet and the like."),
    ] = None,
    top_k: Annotated[int | None, typer.Option(min=1, help="Sentences, blocks or rows to keep at most.")] = None,
    cells: Annotated[
        float | None, typer.Option(min=0, max=100, help="Percent of the cells of tables to keep at most.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Least score to keep; with --policy adaptive, relative to the best (0 to 1).")
    ] = None,
    on_empty: Annotated[OnEmpty, typer.Option(help="Where nothing is chosen.")] = OnEmpty.keep_best,
    form: Annotated[
        Format,
        typer.Option(
            "--format",
            metavar="NAME",
            help=f"How to read the files: {_FORMATS}; auto goes by the ends of their names, then by their looks.",
        ),
    ] = Format.auto,
    field: Annotated[str, typer.Option(help="Name of the text in JSON lines.")] = "text",
    title_field: Annotated[
        str | None, typer.Option(help="Name of the title in JSON lines, read with each of their sentences.")
    ] = None,
    headings: Annotated[
        bool | None,
        typer.Option(help="Keep a heading with what stands under it; default: in Markdown.", show_default=False),
    ] = None,
    title: Annotated[bool, typer.Option("--title", help="Keep the first line with anything kept of a text.")] = False,
    pronouns: Annotated[
        bool, typer.Option("--pronouns", help="Keep the sentence before one that starts with a pronoun.")
    ] = False,
    protect: Annotated[
        list[str] | None, typer.Option(help="Regular expression; sentences in which it matches are never dropped.")
    ] = None,
    neighbours: Annotated[int, typer.Option(min=0, help="Sentences to keep on each side of a chosen one.")] = 0,
    distinct: Annotated[bool, typer.Option("--distinct", help="Drop sentences that say the same again.")] = False,
    documents: Annotated[int | None, typer.Option(min=1, help="Choose from so many best files or lines only.")] = None,
    reorder: Annotated[bool, typer.Option("--reorder", help="Most relevant file or line first.")] = False,
    drop_empty: Annotated[bool, typer.Option("--drop-empty", help="Leave out lines that lost everything.")] = False,
    language: Annotated[str, typer.Option(help="ISO 639 code, for the ends of sentences.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document with spans and scores.")] = False,
    as_form: Annotated[
        PageForm | None, typer.Option("--as", metavar="FORM", help="What pages become: html, markdown or text.")
    ] = None,
    note: Annotated[bool, typer.Option("--note", help="Say in a table, in one line, what was left out.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where a table of a Parquet, Arrow or large CSV file goes.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page that shows what was dropped.")] = None,
) -> None:
    """Keep what a question needs of texts, pages, tables, JSON and logs, each in its own form, byte for byte.

    What was kept goes to stdout, the account of the rest to stderr. One budget holds for all files.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._prune_asked import Asked
    from ctxprune.cli._prune_file import FILE_BUDGET, is_table_file, prune_table_file
    from ctxprune.cli._prune_kinds import NOTED, kind_of, main_text_of, prune_kind
    from ctxprune.cli._prune_passages import TextOptions, prune_passages
    from ctxprune.rag.kinds import TABLES

    paths = files or [Path("-")]
    is_file = is_table_file(paths, form)
    kind = None if is_file else kind_of(paths, form)
    if main:
        if kind != "html" or question is not None:
            raise typer.BadParameter("it is for pages, and for no question", param_hint="--main")
        main_text_of(paths, None if as_form is None else as_form.value)
        return
    if question is None:
        raise typer.BadParameter("say what the input is needed for", param_hint="-q")
    if is_file and (policy, budget, top_k, threshold, cells) == (None,) * 5:
        budget = FILE_BUDGET
    chosen = named_policy(HowMuch(policy, budget, top_k, threshold, cells), table=is_file or kind in TABLES)
    chosen = wrapped_policy(chosen, neighbours=neighbours, distinct=distinct)
    asked = Asked(question, paths, scorer, model, chosen, on_empty.value, as_json, html)
    if html is not None:
        _console.check_target(html, *asked.read)
    text_options = TextOptions(
        field, title_field, headings, title, pronouns, tuple(protect or ()), documents, reorder, drop_empty, language
    )
    if note and kind not in NOTED:
        raise typer.BadParameter("it is for tables in text only", param_hint="--note")
    if is_file:
        prune_table_file(asked, text_options, output)
    elif output is not None:
        raise typer.BadParameter("it is for tables in Parquet, Arrow IPC or large CSV only", param_hint="--output")
    elif kind is None:
        prune_passages(asked, form, text_options)
    else:
        prune_kind(asked, kind, text_options, form=None if as_form is None else as_form.value, note=note)
