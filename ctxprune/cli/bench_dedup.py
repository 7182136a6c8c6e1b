"""`ctxprune bench dedup`: near-duplicates that are planted among real texts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ctxprune.cli._options import JsonOption

__all__ = ["dedup"]


def dedup(
    data: Annotated[Path, typer.Option(help="A folder of texts, or a file: *.txt, *.md, *.rst, *.jsonl.")],
    pages: Annotated[bool, typer.Option("--pages", help="Whole texts in place of passages.")] = False,
    similarity: Annotated[float, typer.Option(help="Lowest Jaccard similarity of a duplicate.")] = 0.8,
    limit: Annotated[int | None, typer.Option(min=2, help="The first texts only.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the planted copies.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Plant changed copies among the texts of a folder, look for them, and compare with a count of all pairs."""
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag.evaluation.dedup import measure, read_texts

    with show_progress("reading the texts") as line:
        texts = read_texts(data, pages=pages)[:limit]
        line.name_step("looking for duplicates")
        document = {"set": data.resolve().name, **measure(texts, similarity=similarity, seed=seed).to_dict()}
    if as_json:
        _console.print_json(document)
        return
    from rich.table import Table

    table = Table("planted", "pairs", "similarity", "merged, %", title=f"{document['set']}, {document['texts']} texts")
    rows = {**document["by_kind"], "below the bar": document["near_misses"], "parts": document["parts"]}
    for name, row in rows.items():
        table.add_row(name, str(row["pairs"]), f"{row['least']} to {row['most']}", str(row["merged_percent"]))
    _console.stdout_console().print(table)
    _console.print_note(
        f"{document['found_percent']} % found, {document['missed']} missed, {document['false_merges']} false of "
        f"{document['merges']} merges, {document['texts_per_second']} texts a second"
    )
