"""`ctxprune sql check -- "SQL"`: may this statement run, and as what text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ctxprune.cli._options import JsonOption

__all__ = ["check"]

_ALIASES = {"mariadb": "mysql", "pg": "postgres", "postgresql": "postgres", "sqlite3": "sqlite"}


def check(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="The statement; - reads it from standard input.")],
    dialect: Annotated[str, typer.Option(help="sqlite, postgres, mysql or duckdb.")] = "sqlite",
    schema: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='What may be read: {"table": ["column", ...]}, a Spider or BIRD tables.json, our own schema JSON, '
            "CREATE TABLE statements, or a SQLite or DuckDB file.",
            show_default=False,
        ),
    ] = None,
    db_id: Annotated[
        str, typer.Option(help="Which database of a schema file that holds several.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Check whether a statement may run, and print the text that may run in its place.

    Exit code 0 either way; put -- before a statement that starts with a dash.
    """
    from ctxprune.cli import _console
    from ctxprune.sql.guard import DIALECTS, Guard

    name = _ALIASES.get(dialect.lower(), dialect.lower())
    if name not in DIALECTS:
        raise typer.BadParameter(f"{dialect!r} is not one of {', '.join(DIALECTS)}", param_hint="--dialect")
    if db_id and schema is None:
        raise typer.BadParameter("it names a database of --schema FILE; give --schema too", param_hint="--db-id")
    visible = None
    if schema is not None:
        from ctxprune.cli._schema_argument import read_schema

        visible = read_schema(schema, db_id=db_id, dialect=name)
    verdict = Guard(name, visible).check(sys.stdin.read() if sql == "-" else sql)
    if as_json:
        _console.print_json({"allowed": verdict.allowed, "reason": verdict.reason, "sql": verdict.sql})
    elif verdict.allowed:
        typer.echo(f"{typer.style('allowed', fg='green', bold=True)}  {_flat(verdict.sql)}")
    else:
        typer.echo(f"{typer.style('refused', fg='red', bold=True)}  {_flat(verdict.reason)}")


def _flat(text: str) -> str:
    """One printable line in the encoding of stdout."""
    encoding = sys.stdout.encoding or "utf-8"
    return " ".join(text.split()).encode(encoding, "backslashreplace").decode(encoding)
