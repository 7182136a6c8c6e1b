"""A schema given as a file, in whatever form it is at hand."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ctxprune.sql.schema import Schema, Table

__all__ = ["one_of", "read_schema"]

_SQLITE = b"SQLite format 3\x00"


def read_schema(path: Path, *, db_id: str = "", dialect: str = "sqlite") -> Schema:
    """The schema in `path`, for `dialect`.

    Read are: `{"table": ["column", ...]}` (also with a type per column, under "tables", or as a list of
    `{"name": ..., "columns": [...]}`), Spider's and BIRD's tables.json, `Schema.to_dict`, CREATE TABLE statements, and
    SQLite files.

    Raises:
        InputError: The file cannot be read, or holds no schema.
        UsageError: The file holds several schemas and `db_id` names none of them.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", where=str(path)) from error
    if raw.startswith(_SQLITE):
        return _database(path)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("the file is not UTF-8 text", where=str(path)) from error
    if not text.lstrip().startswith(("{", "[")):
        return _statements(text, path, dialect)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the file is not JSON ({error})", where=str(path)) from error
    return replace(_document(data, path, db_id, dialect), dialect=dialect)


def _database(path: Path) -> Schema:
    from ctxprune.sql.database import Database

    with Database(str(path)) as database:
        return database.schema()


def _document(data: Any, path: Path, db_id: str, dialect: str) -> Schema:
    from ctxprune.sql.schema import Schema

    first = data[0] if isinstance(data, list) and data else data
    if isinstance(first, dict) and "table_names_original" in first:
        from ctxprune.sql.schema_files import schemas_from_spider

        return one_of(schemas_from_spider(path), path, db_id)
    if isinstance(data, dict) and "format" in data:
        try:
            return Schema.from_dict(data)
        except FormatError as error:
            raise FormatError(error.what, where=str(path), hint=error.hint) from error
    tables = data.get("tables", data) if isinstance(data, dict) else data
    found = tuple(_table(name, columns, path, dialect) for name, columns in _pairs(tables, path))
    if not found:
        raise InputError("the file holds no table", where=str(path))
    return Schema(db_id or path.stem, found, (), dialect)


def one_of(schemas: Mapping[str, Schema], path: Path, db_id: str) -> Schema:
    """The schema called `db_id`, or the only one where that is "".

    Raises:
        InputError: There is none at all.
        UsageError: There are several and `db_id` is "", or none has that name.
    """
    if not schemas:
        raise InputError("the file holds no schema", where=str(path))
    if db_id in schemas:
        return schemas[db_id]
    if db_id or len(schemas) > 1:
        known = ", ".join(sorted(schemas)[:20])
        what = f"the file has no schema {db_id!r}" if db_id else f"the file holds {len(schemas)} schemas"
        raise UsageError(what, where=str(path), hint=f"give --db-id, one of: {known}")
    return next(iter(schemas.values()))


def _pairs(tables: Any, path: Path) -> Iterator[tuple[str, Any]]:
    if isinstance(tables, dict):
        yield from tables.items()
        return
    for entry in tables if isinstance(tables, list) else ():
        name = (entry.get("name") or entry.get("table")) if isinstance(entry, dict) else None
        if not isinstance(name, str):
            raise InputError("a table of the file has no name", where=str(path))
        yield name, entry.get("columns")


def _table(name: str, columns: Any, path: Path, dialect: str) -> Table:
    from ctxprune.sql.schema import Column, Table

    if isinstance(columns, dict):
        columns = columns.get("columns", list(columns))
    found = []
    for column in columns if isinstance(columns, list) else [None]:
        label = column.get("name") if isinstance(column, dict) else column
        if not isinstance(label, str) or not label:
            raise InputError(f"the columns of table {name!r} are no list of names", where=str(path))
        found.append(Column(label))
    space, _, bare = name.rpartition(".")
    if space.isidentifier() and bare and (dialect != "sqlite" or space == "main"):
        return Table(bare, tuple(found), namespace="" if dialect == "sqlite" else space)
    return Table(name, tuple(found))


def _statements(text: str, path: Path, dialect: str) -> Schema:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    from ctxprune.sql.schema import Column, Schema, Table

    try:
        trees = sqlglot.parse(text, dialect=dialect)
    except (SqlglotError, RecursionError) as error:
        raise InputError("the file is neither JSON nor CREATE TABLE statements", where=str(path)) from error
    tables = []
    for tree in trees:
        if isinstance(tree, exp.Create) and isinstance(tree.this, exp.Schema):
            columns = tuple(
                Column(column.name) for column in tree.this.expressions if isinstance(column, exp.ColumnDef)
            )
            tables.append(Table(tree.this.this.name, columns, namespace=tree.this.this.text("db")))
    if not tables:
        raise InputError("the file holds no CREATE TABLE statement", where=str(path))
    return Schema(path.stem, tuple(tables), (), dialect)
