"""`ctxprune sql index DB`: build or refresh the value index of a database."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctxprune.cli._options import REDIS, DatabaseArgument, JsonOption
from ctxprune.cli._pipelines import open_published

if TYPE_CHECKING:
    from ctxprune.sql.schema.schema import ColumnRef, Schema
    from ctxprune.sql.values import ValueIndex

__all__ = ["index"]

_MOST_LINES = 40


def index(
    database: DatabaseArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "--index", help="Folder of the value index; default: in your cache folder.", show_default=False
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="TABLE.COLUMN", help="A column that must not be indexed. May be repeated."),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(metavar="TABLE.COLUMN", help="A column whose values are only kept as hashes. May be repeated."),
    ] = None,
    mask_personal: Annotated[
        bool | None,
        typer.Option(
            "--mask-personal/--no-mask-personal",
            help="Also mask columns that look like e-mail, phone, card, bank or social security numbers.",
            show_default=False,
        ),
    ] = None,
    publish: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help=f"Also publish it under this name in the Redis whose URL {REDIS} holds, for workers that share it.",
            show_default=False,
        ),
    ] = "",
    sample: Annotated[
        int | None,
        typer.Option(
            min=0, help="Read about so many rows of each table; 0 for all; default: as before.", show_default=False
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Build nothing: compare every byte of the index with its checksums."),
    ] = False,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="First compare every byte of the index; build it anew where one is damaged."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Index the stored text values of a database, so that questions find them in any case and spelling.

    An index that still fits the data is kept as it is; one that cannot be opened is built anew. What was excluded or
    masked before stays so until the option is given again.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.values import ValueIndex
    from ctxprune.sql.values.index import default_directory

    if verify:
        if publish or repair or any(option is not None for option in (exclude, mask, mask_personal, sample)):
            raise typer.BadParameter("it builds nothing; give --out and --json alone with it", param_hint="--verify")
        _verify(_directory(database, out), as_json=as_json)
        return
    shared = open_published(publish, "--publish") if publish else None
    with Database(database) as source, show_progress("reading") as line:
        steps = 0

        def advance(done: int, total: int, name: str) -> None:
            nonlocal steps
            steps += 1
            line.update(done, total, name or "sorting")

        _mark_if_damaged(out or default_directory(source), every_byte=repair)
        left_out, hidden = (_columns(source.schema(), *option) for option in (("--exclude", exclude), ("--mask", mask)))
        value_index = ValueIndex.for_database(
            source if sample is None else source.sampled(sample),
            out,
            exclude=left_out,
            mask=hidden,
            mask_personal=mask_personal,
            progress=advance,
        )
    _console.report_unreadable(source)
    for column in value_index.columns:
        if column.personal:
            name = _console.escape(f"{column.table}.{column.column}")
            _console.print_note(
                f"{name} looks like {column.personal}: --mask-personal keeps hashes only and never shows them"
            )
    if shared is not None:
        with show_progress("publishing"):
            shared.publish(value_index)
        _console.print_note(f"published as {publish} in {shared.server.place}")
    report = _report(value_index, built=steps > 0)
    if as_json:
        _console.print_json(report)
    else:
        _show(report)


def _directory(database: str, out: Path | None) -> Path:
    """Where the index is kept."""
    from ctxprune.sql.database.database import Database
    from ctxprune.sql.values.index import default_directory

    if out is not None:
        return out
    with Database(database) as source:
        return default_directory(source)


def _verify(directory: Path, *, as_json: bool) -> None:
    """One line (or document) on stdout and exit code 0 for a sound index; exit code 1 for another."""
    from ctxprune.cli import _console
    from ctxprune.cli._progress import show_progress
    from ctxprune.errors import FormatError
    from ctxprune.sql.values import ValueIndex

    start = time.perf_counter()
    try:
        with show_progress("comparing with checksums"):
            n_bytes, error = ValueIndex.verify(directory), ""
    except FormatError as found:
        if not as_json:
            raise  # the console's own line on stderr
        n_bytes, error = 0, str(found)
    seconds = round(time.perf_counter() - start, 3)
    if as_json:
        sound = not error
        _console.print_json(
            {"directory": str(directory), "sound": sound, "error": error, "bytes": n_bytes, "seconds": seconds}
        )
        if error:
            raise typer.Exit(1)
    else:
        typer.echo(_console.escape(f"sound, {n_bytes:,} bytes compared in {seconds:.2f} s: {directory}"))


def _mark_if_damaged(directory: Path, *, every_byte: bool) -> None:
    """Have a damaged index built anew, and say so; one that is absent or of another version is so anyway."""
    from ctxprune.cli import _console
    from ctxprune.sql.values import index_files

    error = index_files.mark_if_damaged(directory, every_byte=every_byte)
    if error is not None:
        _console.print_note(f"the index is built anew: {error.what}")


def _columns(schema: Schema, option: str, texts: list[str] | None) -> list[ColumnRef] | None:
    return None if texts is None else [_column(schema, text, option) for text in texts]


def _column(schema: Schema, text: str, option: str) -> ColumnRef:
    """The column called "table.column" or "namespace.table.column", where any name may hold dots, in any case."""
    from ctxprune.sql.schema.schema import ColumnRef

    tables = {f"{table.namespace}.{table.bare}".casefold(): table for table in schema.tables if table.namespace}
    tables |= {table.name.casefold(): table for table in reversed(schema.tables)}
    for at in (position for position, char in enumerate(text) if char == "."):
        found, column = tables.get(text[:at].casefold()), text[at + 1 :]
        if found is not None and column in found:
            return ColumnRef(found.name, found.column(column).name)
    raise typer.BadParameter(f"{text!r} names no column; write it as table.column", param_hint=option)


def _report(value_index: ValueIndex, *, built: bool) -> dict[str, Any]:
    kept = [column for column in value_index.columns if not column.skipped]
    return {
        "directory": str(value_index.directory),
        "built": built,
        "seconds": value_index.seconds,
        "values": len(value_index),
        "columns_indexed": len(kept),
        "columns_skipped": len(value_index.columns) - len(kept),
        "columns": [
            {
                "table": column.table,
                "column": column.column,
                "values": column.values,
                "too_long": column.too_long,
                "skipped": column.skipped,
                "masked": column.masked,
                "personal": column.personal,
            }
            for column in value_index.columns
        ],
    }


def _show(report: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from ctxprune.cli import _console

    console = _console.stdout_console()
    table = Table(box=None)
    table.add_column("column", overflow="fold")
    table.add_column("values", justify="right")
    table.add_column("skipped or masked because")
    columns = sorted(report["columns"], key=lambda column: -column["values"])
    indexed = [column for column in columns if not column["skipped"]]
    for column in indexed[:_MOST_LINES]:
        name = _console.escape(f"{column['table']}.{column['column']}")
        table.add_row(Text(name), str(column["values"]), _note(column))
    if len(indexed) > _MOST_LINES:
        table.add_row(f"... {len(indexed) - _MOST_LINES} more (--json lists all)", "", "")
    for reason, count in Counter(column["skipped"] for column in columns if column["skipped"]).most_common():
        table.add_row(_console.format_count(count, "column"), "", Text(reason))
    if columns:
        console.print(table)
    state = f"built in {report['seconds']:.2f} s" if report["built"] else "up to date"
    value_count = _console.format_count(report["values"], "value")
    column_count = _console.format_count(report["columns_indexed"], "column")
    console.print(Text(f"{value_count} of {column_count}, {state}: {report['directory']}"), soft_wrap=True)


def _note(column: dict[str, Any]) -> str:
    """What else there is to say of a column that is indexed."""
    from ctxprune.cli import _console

    masked = [f"masked: {column['masked']}"] if column["masked"] else []
    long = [f"{_console.format_count(column['too_long'], 'value')} too long"] if column["too_long"] else []
    return "; ".join(masked + long)
