"""`ctxprune bench rerank`: the order that a scorer gives to what BM25 found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ctxprune.cli._scorers import MODEL_HELP, named_scorer

__all__ = ["rerank"]


def rerank(
    data: Annotated[Path, typer.Option(help="Folder of a set with a corpus and judged questions.")],
    scorer: Annotated[str, typer.Option(help="Registered name.")] = "pruner",
    model: Annotated[str | None, typer.Option(help=MODEL_HELP)] = None,
    top: Annotated[int, typer.Option(min=1, help="Documents of BM25 that are reranked.")] = 100,
    limit: Annotated[int | None, typer.Option(min=1, help="The first questions only.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Rerank the first documents that BM25 finds for every judged question: nDCG@10 and MRR@10."""
    from ctxprune.cli import _console
    from ctxprune.rag.evaluation.rerank import load_ranking_set, measure

    made, name = named_scorer(scorer, model)
    ranking = load_ranking_set(data)
    with _console.progress() as bar:
        task = bar.add_task(name, total=len(ranking.questions))
        report = measure(
            ranking,
            made,
            top=top,
            limit=limit,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    document: dict[str, Any] = {"set": ranking.name, "scorer": name, "top": top}
    document |= ({"model": model} if model else {}) | report.to_dict()
    if as_json:
        _console.emit(document)
        return
    from rich.table import Table

    table = Table("", name, "BM25", title=f"{ranking.name}, {report.items} questions")
    for figure in ("ndcg@10", "mrr@10"):
        table.add_row(figure, str(document[figure]), str(document["first_stage"][figure]))
    _console.data().print(table)
