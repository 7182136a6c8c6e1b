"""`ctxprune bench html`: what of the answers, or of the main text, is left of pages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ctxprune.cli._options import JsonOption, ModelOption
from ctxprune.cli._scorers import make_scorer

__all__ = ["html"]

_DEFAULT = "page"


def html(
    data: Annotated[Path, typer.Option(help="Folder of a set, or its file.")],
    scorer: Annotated[str, typer.Option(help="Registered name.")] = _DEFAULT,
    model: ModelOption = None,
    output: Annotated[str, typer.Option(help="html, markdown or text: the form of the pruned page.")] = "markdown",
    columns: Annotated[bool, typer.Option(help="Whether columns of tables may be dropped too.")] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="The first items only.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Prune pages to 5, 10 and 20 % of the tokens of the cleaned page, or take out their main text.

    The files say which: rows with questions and a gold table give the answers that are left in that table, those with
    the number of a gold element (its attribute tid) the elements that are left whole, rows with an article the F1 of
    the main text's words. Both page and budget are counted in the form of the output, markup and all.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag.evaluation.html import measure_articles, measure_questions
    from ctxprune.rag.evaluation.html_sets import read_pages
    from ctxprune.rag.html import HtmlOptions

    if output not in ("html", "markdown", "text"):
        raise typer.BadParameter(f"{output!r} is not one of: html, markdown, text", param_hint="--output")
    document: dict[str, Any] = {"set": data.resolve().name}
    with show_progress("reading the pages") as line:
        items = read_pages(data)[:limit]
        if items[0].question is None:
            line.name_step("main text")
            document |= measure_articles(items).to_dict()
        else:
            unit_scorer, name = make_scorer(scorer, model)
            line.name_step(name, len(items))
            report = measure_questions(
                items,
                unit_scorer,
                options=HtmlOptions(output=output, columns=columns),  # type: ignore[arg-type]  # checked above
                progress=line.update,
            )
            document |= {"scorer": name, "output": output, "columns": columns, **report.to_dict()}
    if as_json:
        _console.print_json(document)
    else:
        _show(document)


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    table = Table("figure", *_shares(document), title=f"{document['set']}, {document['items']} items")
    for name, value in document.items():
        if isinstance(value, dict):
            table.add_row(name, *map(str, value.values()))
        elif isinstance(value, float):
            table.add_row(name, str(value))
    _console.stdout_console().print(table)


def _shares(document: dict[str, Any]) -> list[str]:
    return [f"{share} %" for share in document["tokens_kept"]] if "tokens_kept" in document else [""]
