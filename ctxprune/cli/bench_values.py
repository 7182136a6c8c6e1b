"""`ctxprune bench values`: how many stored literals of gold SQL the value index finds, and at what price."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["values"]


def values(
    data: Annotated[Path, typer.Option(help="Folder of the set, as it was published.")],
    schemas: Annotated[
        Path | None, typer.Option(help="Folder of databases that DATA lacks; default: sibling spider.")
    ] = None,
    split: Annotated[str, typer.Option(help="dev or train.")] = "dev",
    limit: Annotated[int | None, typer.Option(min=1, help="That many items, stratified by database.")] = None,
    seed: Annotated[int, typer.Option(help="Of the sample.")] = 0,
    evidence: Annotated[bool, typer.Option("--evidence/--no-evidence", help="Also look in an item's evidence.")] = True,
    missed: Annotated[bool, typer.Option("--missed", help="With --json: the literals that were not found.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Score the value index on the items whose database is there.

    A value is a distinct (table, column, string). A literal counts where the gold query compares it with a column by =,
    <> or IN and a text cell of that column equals it; it is found when that triple is among the values returned.
    Literals that no cell equals are counted apart.
    """
    from ctxprune.cli import _console
    from ctxprune.sql.evaluation.datasets import load, sample_items
    from ctxprune.sql.evaluation.values import measure

    bench = load(data, schemas=schemas, split=split)
    chosen = bench.items if limit is None else sample_items(bench.present, limit, seed=seed)
    with _console.progress() as bar:
        task = bar.add_task(bench.name, total=None)
        report = measure(
            bench,
            evidence=evidence,
            items=chosen,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    document: dict[str, Any] = {"set": bench.name, "split": split, "evidence": evidence, "data": bench.fingerprint}
    document |= report.to_dict()
    if not as_json:
        _show(document)
        return
    if missed:
        document["missed"] = [
            {"index": one.item.index, "table": ref.table, "column": ref.column, "value": value}
            for one in report.missed
            for ref, value in sorted(one.literals)
        ]
    _console.emit(document)


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    table = Table("", "", show_header=False, title=f"{document['set']} {document['split']}")
    for name in (
        "recall", "values_per_question", "stored", "found", "not_stored", "questions", "skipped", "ms_per_question"
    ):  # fmt: skip
        table.add_row(name, str(document[name]))
    _console.data().print(table)
