"""`ctxprune bench tools`: whether the tool that a question needs is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ctxprune.cli._options import JsonOption, ModelOption
from ctxprune.cli._scorers import make_scorer

__all__ = ["tools"]


def tools(
    data: Annotated[Path, typer.Option(help="Folder with tools.jsonl and questions.jsonl.")],
    scorer: Annotated[str, typer.Option(help="Registered name.")] = "names",
    model: ModelOption = None,
    size: Annotated[
        int, typer.Option(min=1, help="Tools offered for each question; if there are no more, all are.")
    ] = 200,
    keep: Annotated[int, typer.Option(min=1, help="Tools that are kept.")] = 10,
    split: Annotated[str | None, typer.Option(help='Only the questions with that "split".')] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Questions to draw at random; default: all.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the draws.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Keep a few of many tools for each question, beside plain BM25: percent of the questions whose tool is kept.

    A row of tools.jsonl is {"id", "group", "tool"}, the tool in the shape of OpenAI, Anthropic, MCP or LangChain. A row
    of questions.jsonl is {"question", "needed", "group"}: an id, or a list of ids of which one is enough; and "split",
    if the questions have parts. For each question the needed tools are offered among others of its group, as far as
    there are any, and of other groups. benchmarks/training/make_tools.py makes such a folder. A row of tools.jsonl (or
    tools.jsonl.gz) may also be the tool itself; then "needed" lists by name all the tools that the question needs.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag.evaluation.tools import PlainBm25, ToolTrial, load_tool_set, measure

    unit_scorer, name = make_scorer(scorer, model)
    with show_progress("reading the set"):
        tool_set = load_tool_set(data, split=split)
    reports = {}
    for title, one in ((name, unit_scorer), ("bm25", PlainBm25())):
        with show_progress(title) as line:
            trial = ToolTrial(size, keep, limit, seed, count=one is unit_scorer)
            reports[title] = measure(tool_set, one, trial, progress=line.update)
    document: dict[str, Any] = {"set": tool_set.name, "scorer": name, "size": size, "keep": keep}
    document |= reports[name].to_dict() | {"bm25": reports["bm25"].to_dict()}
    if as_json:
        _console.print_json(document)
        return
    from rich.table import Table

    table = Table("", name, "BM25", title=f"{keep} of {size} tools, {document['items']} questions")
    for cut, share in reports[name].kept.items():
        table.add_row(f"kept among {cut}", str(share), str(reports["bm25"].kept[cut]))
    table.add_row("ms", str(document["ms_per_question"]), str(reports["bm25"].ms_per_question))
    if document["ms_to_index"] is not None:
        table.add_row("ms to read the tools", str(document["ms_to_index"]), str(reports["bm25"].ms_to_index))
    table.add_row("tokens", f"{document['tokens_before']} to {document['tokens_after']}", "")
    _console.stdout_console().print(table)
