"""`ctxprune bench spider`: execution accuracy of a generator on Spider and its relatives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["spider"]


def spider(
    data: Annotated[Path, typer.Option(help="Folder of the set, as it was published.")],
    generator: Annotated[str, typer.Option(help="sketch, chat:FILE.gguf, chat:URL, or a registered name.")] = "sketch",
    schemas: Annotated[
        Path | None, typer.Option(help="Folder of schemas and databases that DATA lacks; default: sibling spider.")
    ] = None,
    split: Annotated[str, typer.Option(help="dev or train.")] = "dev",
    limit: Annotated[int | None, typer.Option(min=1, help="That many items, stratified by database.")] = None,
    seed: Annotated[int, typer.Option(help="Of the sample and of the generator.")] = 0,
    candidates: Annotated[int, typer.Option(min=1, help="Candidates per generator.")] = 4,
    plain: Annotated[bool, typer.Option("--plain", help="Whole schema, one answer, no repair, no vote.")] = False,
    cache: Annotated[Path | None, typer.Option(help="SQLite file of generations; default: in your cache.")] = None,
    items: Annotated[bool, typer.Option("--items", help="With --json: the verdict of each item as well.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:  # fmt: skip
    """Score a generator by Spider's execution accuracy, on the items whose database is there."""
    from ctxprune.cli import _console
    from ctxprune.cli._pipelines import pipeline_maker
    from ctxprune.sql.evaluation.datasets import load, sample_items
    from ctxprune.sql.evaluation.run import run

    bench = load(data, schemas=schemas, split=split)
    chosen = bench.items if limit is None else sample_items(bench.present, limit, seed=seed)
    make = pipeline_maker(generator, candidates=candidates, plain=plain, cache=cache, seed=seed)
    with _console.progress() as bar:
        task = bar.add_task(bench.name, total=sum(item.db_id in bench.databases for item in chosen))
        report = run(
            bench, make, items=chosen, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    document = {"set": bench.name, "generator": _shown(generator), "plain": plain, "data": bench.fingerprint}
    document |= report.to_dict(items=items)
    if as_json:
        _console.emit(document)
    else:
        _show(document)


def _shown(generator: str) -> str:
    """The generator without the folder of a model file."""
    kind, _, rest = generator.partition(":")
    return f"{kind}:{Path(rest).name}" if kind == "chat" and "://" not in rest else generator


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    table = Table("", "", show_header=False, title=f"{document['set']}, {document['generator']}")
    for name in ("ex", "executable", "items", "skipped", "model_failures", "ms_per_question", "ms_p95", "tokens_in"):
        table.add_row(name, str(document[name]))
    _console.data().print(table)
