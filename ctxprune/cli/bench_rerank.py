"""`ctxprune bench rerank`: the order that a scorer gives to what BM25 found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ctxprune.cli._options import JsonOption, ModelOption
from ctxprune.cli._scorers import make_scorer

__all__ = ["rerank"]


def rerank(
    data: Annotated[Path, typer.Option(help="Folder of a set with a corpus and judged questions.")],
    scorer: Annotated[str, typer.Option(help="Registered name.")] = "pruner",
    model: ModelOption = None,
    top: Annotated[int, typer.Option(min=1, help="How many of BM25's documents are reranked.")] = 100,
    limit: Annotated[int | None, typer.Option(min=1, help="The first questions only.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Rerank the first documents that BM25 finds for every judged question: nDCG@10 and MRR@10."""
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag.evaluation.rerank import load_ranking_set, measure

    ranker, name = make_scorer(scorer, model)
    with show_progress("reading the corpus") as line:
        ranking = load_ranking_set(data)
        line.name_step(name, len(ranking.questions))
        report = measure(
            ranking,
            ranker,
            top=top,
            limit=limit,
            progress=line.update,
        )
    document: dict[str, Any] = {"set": ranking.name, "scorer": name, "top": top}
    document |= ({"model": model} if model else {}) | report.to_dict()
    if as_json:
        _console.print_json(document)
        return
    from rich.table import Table

    table = Table("", name, "BM25", title=f"{ranking.name}, {report.items} questions")
    for figure in ("ndcg@10", "mrr@10"):
        table.add_row(figure, str(document[figure]), str(document["first_stage"][figure]))
    _console.stdout_console().print(table)
