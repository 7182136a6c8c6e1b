"""`ctxprune prune` on tables in files larger than memory: Parquet, Arrow IPC, and CSV of many megabytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from ctxprune.cli._prune_inputs import Format, write_texts
from ctxprune.cli._scorers import named_scorer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ctxprune.cli._prune_asked import Asked
    from ctxprune.cli._prune_passages import TextOptions

__all__ = ["FILE_BUDGET", "is_table_file", "prune_table_file"]

FILE_BUDGET = 2000
"""Tokens of what is kept, where nothing else says how much."""
_DELIMITED = frozenset({".csv", ".tab", ".tsv"})
_ENDINGS = frozenset({".arrow", ".feather", ".ipc", ".parquet", ".pq"})
_LARGE = 8 << 20  # bytes of a CSV file that is not read whole


def is_table_file(files: Sequence[Path], form: Format) -> bool:
    """Whether `files` is a single file of a table that is read a part at a time.

    Raises:
        typer.BadParameter: There are several files, and one of them is of that kind; or `form` says something else.
    """
    binary = [path for path in files if path.suffix.lower() in _ENDINGS]
    if binary and form is not Format.auto:
        raise typer.BadParameter(f"{binary[0].name} is not read as {form.value}", param_hint="--format")
    if binary and len(files) > 1:
        raise typer.BadParameter(f"{binary[0].name} is read by itself", param_hint="FILES")
    if binary:
        return True
    delimited = form in {Format.csv, Format.tsv} or (form is Format.auto and files[0].suffix.lower() in _DELIMITED)
    return len(files) == 1 and delimited and files[0].is_file() and files[0].stat().st_size > _LARGE


def prune_table_file(asked: Asked, options: TextOptions, output: Path | None) -> None:
    """Prune the file; what is kept goes to `output`, in the file's format, or as CSV to stdout.

    Raises:
        typer.BadParameter: An option is for text only.
        InputError, BudgetError, UsageError, MissingExtraError: As `ctxprune.rag.tables.prune_file`.
    """
    from ctxprune.cli import _console
    from ctxprune.pruning.pruner import Pruner
    from ctxprune.rag.tables import prune_file
    from ctxprune.scorers.combined.structured import structured

    options.refuse("a table")
    [path] = asked.files
    if output is not None:
        _console.check_target(output, path)
    scorer = structured(named_scorer(asked.scorer, asked.model)[0])
    found = prune_file(path, asked.question, output, pruner=Pruner(scorer, asked.policy, None, asked.on_empty))
    result = replace(found.pruned, output=found.text, note=found.note)
    account = {"files": [str(path)], "rows": found.rows, "columns": found.columns}
    if not asked.report(result, [str(path)], "rows and columns", account) and output is None:
        write_texts([found.text])
    _console.say(f"{found.rows[0]:,} of the {_console.counted(found.rows[1], 'row')} of the file")
