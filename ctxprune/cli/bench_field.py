"""`ctxprune bench field`: what of the evidence is left of whole documents, each pruned as `ctxprune prune` does it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import JsonOption, ModelOption
from ctxprune.cli._scorers import make_scorer

if TYPE_CHECKING:
    from ctxprune.rag.evaluation.field import ItemResult

__all__ = ["field"]

_DEFAULT = "mixture"


def field(
    data: Annotated[Path, typer.Option(help="Folder with items.jsonl and the documents that it names.")],
    scorer: Annotated[str, typer.Option(help="Registered name of the text scorer, as for prune.")] = _DEFAULT,
    model: ModelOption = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Only the questions of this group: docs, man, html, csv, json, log.")
    ] = None,
    split: Annotated[str | None, typer.Option(help='Only the questions with that "split".')] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first questions only.")] = None,
    seed: Annotated[int, typer.Option(help="Random seed of the bootstrap.")] = 0,
    items: Annotated[bool, typer.Option("--items", help="With --json: what each method keeps of each item.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Keep 5, 10 and 25 % of the tokens of documents, as `prune FILE -q QUESTION --budget N` does for their kind.

    Beside it: `--scorer lexical`, bm25s with its own defaults on the same units, and the first units. A row of
    items.jsonl is {"id", "file", "kind", "question", "evidence"}: strings that are in the visible text of an HTML page,
    or in the text of any other file, and that answer the question together; none where the document does not. Figures
    are the mean share of an item's strings that are kept.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.rag.evaluation.field import default_methods, measure_field
    from ctxprune.rag.evaluation.field_set import read_field_items

    unit_scorer, name = make_scorer(scorer, model)
    with show_progress("reading the set"):
        questions = read_field_items(data, split=split)
    if group:
        unknown = sorted({*group} - {item.group for item in questions})
        if unknown:
            known = ", ".join(sorted({item.group for item in questions}))
            raise typer.BadParameter(f"{unknown[0]!r} is not one of: {known}", param_hint="--group")
        questions = [item for item in questions if item.group in group]
    with show_progress(name, len(questions[:limit])) as line:
        report, results = measure_field(
            questions[:limit], default_methods(unit_scorer), seed=seed, progress=line.update
        )
    document: dict[str, Any] = {"set": data.resolve().name, "scorer": name}
    document |= ({"split": split} if split else {}) | report.to_dict()
    if items:
        document["results"] = _list_items(results)
    if as_json:
        _console.print_json(document)
    else:
        _show(document)


def _list_items(results: dict[str, list[ItemResult]]) -> list[dict[str, Any]]:
    """A row an item: the share of its evidence that each method keeps, by share of the tokens."""
    first = next(iter(results.values()))
    return [
        {
            "id": row.item.name,
            "group": row.item.group,
            "found": {name: {str(share): round(kept, 4) for share, kept in rows[place].found.items()}
                      for name, rows in results.items()},
        }
        for place, row in enumerate(first)
        if row.item.evidence
    ]  # fmt: skip


def _show(document: dict[str, Any]) -> None:
    from rich.table import Table

    from ctxprune.cli import _console

    kept, difference = document["evidence_kept"], document["difference"]
    title = f"{_console.escape(document['set'])}: evidence kept, %"
    table = Table("", "tokens, %", *kept, "default - lexical", "95 % interval", title=title)
    for group, count in document["items"].items():
        for place, (share, found) in enumerate(difference[group].items()):
            name = "" if place else _console.escape(f"{group} ({count})")
            cells = (str(kept[method][group][share]) for method in kept)
            interval = f"{found['low']:+} to {found['high']:+}"
            table.add_row(name, share, *cells, f"{found['mean']:+}", interval)
    _console.stdout_console().print(table)
    _console.print_note(f"{document['ms_per_question']['default']} ms a question")
