"""`ctxprune bench tables`: what of the cells that questions need is left when a share of a table's cells is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ctxprune.cli._options import JsonOption, ModelOption
from ctxprune.cli._scorers import make_scorer

__all__ = ["tables"]


def tables(
    data: Annotated[Path, typer.Option(help="A file of fetaqa, wikitablequestions or tatqa, or its folder.")],
    scorer: Annotated[str, typer.Option(help="Registered name.")] = "tabular",
    model: ModelOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first questions only.")] = None,
    held_out_only: Annotated[
        bool, typer.Option("--held-out", help="Only tables that the tabular scorer's weights were not trained on.")
    ] = False,
    baselines: Annotated[bool, typer.Option(help="Measure BM25 rows, columns by overlap and chance, too.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Keep 25 and 50 % of the cells of tables, by rows and columns, for questions whose answers are cells.

    Every cell of the body counts, those of the column that labels the rows too; the header of kept columns is free.
    cell_recall: share of the marked cells (fetaqa), or of the answers with a cell (tatqa), that is kept.
    answer_retention: questions that keep a cell for each of their answers.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag.evaluation.table_sets import is_held_out, read_table_items
    from ctxprune.rag.evaluation.tables import BASELINES, build_keeper, measure_tables

    unit_scorer, name = make_scorer(scorer, model)
    with show_progress("reading the set"):
        items = [item for item in read_table_items(data) if not held_out_only or is_held_out(item.table)][:limit]
    ways = {name: build_keeper(unit_scorer), **(BASELINES if baselines else {})}
    reports = {}
    with show_progress(name, len(ways) * len(items)) as line:
        for way, keep in ways.items():
            reports[way] = measure_tables(items, keep, progress=lambda: line.update(line.done + 1)).to_dict()
    document: dict[str, Any] = {"set": data.resolve().name, "held_out": held_out_only, "scorer": name}
    document |= ({"model": model} if model else {}) | reports.pop(name)
    if baselines:
        document["baselines"] = reports
    if as_json:
        _console.print_json(document)
    else:
        _show(document)


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table

    from ctxprune.cli import _console
    from ctxprune.rag.evaluation.tables import SHARES

    table = Table("cells kept, %", *map(str, SHARES), title=f"{document['set']}, {document['items']} questions")
    for name, figures in {document["scorer"]: document, **document.get("baselines", {})}.items():
        for figure in ("cell_recall", "answer_retention"):
            if figures[figure] is not None:
                table.add_row(f"{name}: {figure}", *map(str, figures[figure].values()))
    _console.stdout_console().print(table)
    _console.print_note(f"{document['ms_per_table']} ms a table")
