"""`ctxprune bench passages`: what of the evidence is left when a scorer keeps a share of the characters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ctxprune.cli._options import JsonOption, ModelOption
from ctxprune.cli._scorers import make_scorer

__all__ = ["passages"]

_DEFAULT = "pruner"


def passages(
    data: Annotated[Path, typer.Option(help="A file of a set, or its folder.")],
    scorer: Annotated[str, typer.Option(help="Registered name.")] = _DEFAULT,
    model: ModelOption = None,
    split: Annotated[
        str | None,
        typer.Option(help="all, heldout or train; default: heldout where the set has no train file of its own."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first items only.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Score the sentences of labelled questions and keep 10, 20, 30 and 50 % of an item's characters.

    Sentences are kept by falling score, ties earlier first, until one does not fit; the first is always kept. Only
    items with at least one sentence that is evidence and one that is not count.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag.evaluation.passages import measure
    from ctxprune.train.sentence_sets import SPLITS, chosen_split, read_items

    if split is not None and split not in SPLITS:
        raise typer.BadParameter(f"{split!r} is not one of: {', '.join(SPLITS)}", param_hint="--split")
    with show_progress("reading the set") as line:
        unit_scorer, name = make_scorer(scorer, model)
        items = [item for item in read_items(data, split=split) if item.mixed][:limit]
        line.name_step(name, len(items))
        report = measure(items, unit_scorer, progress=line.update)
    document: dict[str, Any] = {"set": _set_name(data), "split": split or chosen_split(data), "scorer": name}
    document |= ({"model": model} if model else {}) | report.to_dict()
    if as_json:
        _console.print_json(document)
    else:
        _show(document)


def _set_name(data: Path) -> str:
    return data.resolve().name if data.is_dir() else f"{data.resolve().parent.name}/{data.name}"


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    shares = list(document["evidence_recall"])
    title = f"{document['set']} {document['split']}, {document['scorer']}, {document['items']} items"
    table = Table("kept, %", *shares, title=title)
    for name in ("evidence_recall", "all_evidence", "answer_retention", "f2"):
        cells = ("–" if document[name][share] is None else str(document[name][share]) for share in shares)
        table.add_row(name, *cells)
    _console.stdout_console().print(table)
    _console.print_note(f"{document['ms_per_passage']} ms a passage")
