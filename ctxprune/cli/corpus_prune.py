"""`ctxprune corpus prune`: a corpus without the passages that are least likely to answer any question."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ctxprune.cli._options import JsonOption

__all__ = ["prune"]


class Broken(StrEnum):
    """What becomes of a record without a text."""

    refuse = "refuse"
    skip = "skip"


def prune(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON lines (.jsonl, .jsonl.gz) or Parquet, one passage a record.")
    ],
    *,
    out: Annotated[Path, typer.Option("--out", help="File for the passages that stay, of the same format.")],
    share: Annotated[float, typer.Option(help="How many of the passages go, from 0 up, under 1.")] = 0.05,
    dropped: Annotated[
        Path | None,
        typer.Option(
            help="Also write a line of JSON for each passage that goes: index, id, quality, reason.",
            show_default=False,
        ),
    ] = None,
    field: Annotated[str, typer.Option(help="Field or column of the text.")] = "text",
    id_field: Annotated[str, typer.Option("--id-field", help="Field or column of the id; it may be missing.")] = "id",
    quality: Annotated[
        str, typer.Option(help="What judges the passages: surface, length; or a file of weights (.json).")
    ] = "surface",
    broken: Annotated[Broken, typer.Option(help="What to do at a record without a text.")] = Broken.refuse,
    as_json: JsonOption = False,
) -> None:
    """Drop the passages that are least likely to answer any question, before the corpus is indexed.

    Exactly that share goes; the others are written as they are, in their order. A run that was stopped goes on where it
    was when it is started again.

    ctxprune corpus prune passages.jsonl --share 0.1 --out kept.jsonl --dropped dropped.jsonl

    ctxprune corpus prune passages.parquet --field body --id-field url --out kept.parquet --json
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.errors import UnknownNameError, UsageError
    from ctxprune.rag import PassageQuality, PassageReader, prune_corpus_file

    for target in (out, *([] if dropped is None else [dropped])):
        _console.check_target(target, file)
    judge = PassageQuality.load(quality) if quality.endswith(".json") else quality
    with show_progress("judge") as line:
        try:
            report = prune_corpus_file(
                file,
                out,
                share=share,
                quality=judge,
                reader=PassageReader(field, id_field, broken.value),
                dropped=dropped,
                progress=lambda step, done: line.update(done, step=step),
            )
        except (UsageError, UnknownNameError) as error:
            raise typer.BadParameter(str(error)) from error
    if as_json:
        _console.print_json(report.to_dict())
    account = f"kept {report.kept} of {_console.format_count(report.passages, 'passage')}"
    reasons = ", ".join(f"{count} for {reason}" for reason, count in [*report.reasons.items()][:5])
    for part, number in (("broken", report.broken), ("with an id that came before", report.repeated_ids)):
        account += f"; {number} {part}" if number else ""
    _console.print_note(account + (f"; dropped: {reasons}" if reasons else ""))
