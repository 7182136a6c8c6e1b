"""Two schemas given as arguments, each a database or a schema file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import ExitStack

    from ctxprune.sql.database.database import Database
    from ctxprune.sql.schema.schema import Schema

__all__ = ["SIDE_HELP", "open_side"]

SIDE_HELP = "A database as `sql ask` takes it, or a schema file as `sql check --schema` takes it."


def open_side(stack: ExitStack, source: str, db_id: str, *, values: bool = True) -> tuple[Schema, Database | None]:
    """The schema that an argument names, and the database behind it; None for a schema file or without `values`.

    Raises:
        InputError, UsageError, FormatError, DatabaseError: It cannot be read.
    """
    from ctxprune.cli import _console
    from ctxprune.cli._schema_argument import is_schema_file, read_schema

    if is_schema_file(source):
        return read_schema(Path(source), db_id=db_id), None
    from ctxprune.sql.database.database import Database

    database = stack.enter_context(Database(source))
    schema = database.schema()
    _console.report_unreadable(database)
    return schema, database if values else None
