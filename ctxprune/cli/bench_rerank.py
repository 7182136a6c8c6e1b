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
    from ctxprune.rag.evaluation.rerank import load_ranking_set, measure

    ranker, name = make_scorer(scorer, model)
    ranking = load_ranking_set(data)
    with _console.track_progress(name, len(ranking.questions)) as advance:
        report = measure(
            ranking,
            ranker,
            top=top,
            limit=limit,
            progress=advance,
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
