"""`ctxprune sql match A B`: which columns of two schemas hold the same."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from ctxprune.cli._options import JsonOption, fill_variables
from ctxprune.cli._schema_sides import SIDE_HELP, open_side

if TYPE_CHECKING:
    from ctxprune.sql.match.result import Matches

__all__ = ["match"]


def match(
    source: Annotated[str, typer.Argument(metavar="A", callback=fill_variables, help=SIDE_HELP)],
    target: Annotated[str, typer.Argument(metavar="B", callback=fill_variables, help="The same.")],
    source_id: Annotated[
        str, typer.Option(help="Which database of A, a schema file that holds several.", show_default=False)
    ] = "",
    target_id: Annotated[str, typer.Option(help="The same of B.", show_default=False)] = "",
    min_confidence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Less probable pairs are not shown as matches.")
    ] = 0.5,
    values: Annotated[bool, typer.Option(help="Also compare stored values, where A and B are databases.")] = True,
    rows: Annotated[int, typer.Option(min=1, max=1_000_000, help="Rows of each table that are read.")] = 5_000,
    as_json: JsonOption = False,
) -> None:
    """Print the columns of two schemas that hold the same thing, with a confidence and reasons.

    Each column has one partner at most, or none. Nothing is written to either database. Examples:

    ctxprune sql match old.sqlite new.sqlite

    ctxprune sql match old_schema.json 'postgresql://USER:${PASSWORD}@HOST/NAME' --json
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.match import MatchConfig, match_schemas

    config = MatchConfig(min_confidence=min_confidence, rows=rows)
    with ExitStack() as stack, show_progress("reading the schemas") as line:
        one, one_values = open_side(stack, source, source_id, values=values)
        two, two_values = open_side(stack, target, target_id, values=values)
        line.name_step("matching")
        found = match_schemas(one, two, source_values=one_values, target_values=two_values, config=config)
    if as_json:
        _console.print_json({"source": one.name, "target": two.name, **found.to_dict()})
        return
    _print(found)
    counts = f"{len(found.matches)} of {one.n_columns} and {two.n_columns} columns match"
    _console.print_note(counts if found.matches else f"{counts}; --min-confidence 0 shows the likeliest pairs")


def _print(found: Matches) -> None:
    """A table of the matches, then the columns without a partner."""
    from rich import box
    from rich.table import Table

    from ctxprune.cli import _console

    table = Table(box=box.SIMPLE)
    for title in ("A", "B", "confidence", "reasons"):
        table.add_column(title, overflow="fold", justify="right" if title == "confidence" else "left")
    for match in found.matches:
        names = (f"{ref.table}.{ref.column}" for ref in (match.source, match.target))
        cells = (*names, f"{match.confidence:.2f}", ", ".join(match.reasons))
        table.add_row(*map(_console.make_cell, cells))
    if found.matches:
        _console.stdout_console().print(table)
    for title, refs in (("only in A", found.unmatched_source), ("only in B", found.unmatched_target)):
        if refs:
            listed = ", ".join(_console.escape(f"{ref.table}.{ref.column}") for ref in refs)
            typer.echo(f"{title}: {listed}")
