"""`ctxprune bench values`: how many stored literals of gold SQL the value index finds, and at what price."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ctxprune.cli._options import JsonOption, SchemasOption, SetOption, SplitOption

__all__ = ["values"]

_SHOWN = (
    "recall", "values_per_question", "stored", "found", "not_stored", "questions", "skipped", "ms_per_question"
)  # fmt: skip


def values(
    data: SetOption,
    schemas: SchemasOption = None,
    split: SplitOption = "dev",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Items to sample, stratified by database; default: all.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the sample.")] = 0,
    evidence: Annotated[bool, typer.Option("--evidence/--no-evidence", help="Also look in an item's evidence.")] = True,
    missed: Annotated[bool, typer.Option("--missed", help="With --json: the literals that were not found.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Score the value index on the items whose database is there.

    A value is a distinct (table, column, string). A literal counts where the gold query compares it with a column by =,
    <> or IN and a text cell of that column equals it; it is found when that triple is among the values returned.
    Literals that no cell equals are counted apart.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.evaluation.datasets import load, sample_items
    from ctxprune.sql.evaluation.values import measure

    with show_progress("reading the set"):
        bench = load(data, schemas=schemas, split=split)
    chosen = bench.items if limit is None else sample_items(bench.present, limit, seed=seed)
    with show_progress(bench.name) as line:
        report = measure(
            bench,
            evidence=evidence,
            items=chosen,
            progress=line.update,
        )
    document: dict[str, Any] = {"set": bench.name, "split": split, "evidence": evidence, "data": bench.fingerprint}
    document |= report.to_dict()
    if not as_json:
        rows = ((name, document[name]) for name in _SHOWN)
        _console.print_figures(f"{document['set']} {document['split']}", rows)
        return
    if missed:
        document["missed"] = [
            {"index": one.item.index, "table": ref.table, "column": ref.column, "value": value}
            for one in report.missed
            for ref, value in sorted(one.literals)
        ]
    _console.print_json(document)
