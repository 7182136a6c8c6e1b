"""A schema given as a file, in whatever form it is at hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, InputError, UsageError
from ctxprune.storage.sealed import parse_json
from ctxprune.utils.database_files import is_database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ctxprune.sql.schema.schema import ForeignKey, Schema, Table

__all__ = ["is_schema_file", "one_of", "read_schema"]

_HEAD = 16  # bytes, by which a database is known
_LOOKED_AT = 4096  # bytes, by which a schema is known
_SCHEMA_ENDINGS = (".json", ".sql", ".ddl")
_MOST_BYTES = 256_000_000  # BIRD's schemas have 1 MB together


def read_schema(path: Path, *, db_id: str = "", dialect: str = "") -> Schema:
    """The schema in `path`, for `dialect`; without one, for that of the file, else for SQLite.

    Read are: `{"table": ["column", ...]}` (also with a type per column, under "tables", or as a list of
    `{"name": ..., "columns": [...]}`), Spider's and BIRD's tables.json, `Schema.to_dict`, CREATE TABLE statements, and
    files of SQLite and DuckDB.

    Raises:
        InputError: The file cannot be read, or holds no schema.
        UsageError: The file holds several schemas and `db_id` names none of them.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_HEAD)
            if not is_database(raw):  # which may be larger than memory
                raw += file.read(_MOST_BYTES)
    except OSError as error:
        raise InputError(f"the file cannot be read ({error.strerror})", where=str(path)) from error
    if is_database(raw):
        return _database(path)
    if len(raw) > _MOST_BYTES:
        raise InputError(f"the file has more than {_MOST_BYTES} bytes", where=str(path), hint="give a schema")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("the file is not UTF-8 text", where=str(path)) from error
    if not text.lstrip().startswith(("{", "[")):
        return _statements(text, path, dialect or "sqlite")
    try:
        data = parse_json(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"the file is not JSON ({error})", where=str(path)) from error
    schema = _document(data, path, db_id, dialect or "sqlite")
    return replace(schema, dialect=dialect) if dialect else schema


def is_schema_file(source: str) -> bool:
    """Whether an argument is a schema file: by its ending or its beginning, since a database may have any name."""
    path, head = Path(source), b""
    try:
        with path.open("rb") as file:
            head = file.read(_LOOKED_AT)
    except (OSError, ValueError):  # its reader says what is wrong
        pass
    if is_database(head):
        return False
    return path.suffix.lower() in _SCHEMA_ENDINGS or _looks_like_schema(head)


def _looks_like_schema(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")) or b"create table" in head.lower()


def _database(path: Path) -> Schema:
    from ctxprune.sql.database.database import Database

    with Database(str(path)) as database:
        return database.schema()


def _document(data: Any, path: Path, db_id: str, dialect: str) -> Schema:
    from ctxprune.sql.schema.schema import Schema

    first = data[0] if isinstance(data, list) and data else data
    if isinstance(first, dict) and "table_names_original" in first:
        from ctxprune.sql.schema.files import schemas_from_bird  # reads Spider's too

        return one_of(schemas_from_bird(path), path, db_id)
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
    from ctxprune.sql.schema.schema import Column, Table

    types: dict[Any, Any] = {}
    if isinstance(columns, dict):
        types, columns = columns, columns.get("columns", list(columns))
    found = []
    for column in columns if isinstance(columns, list) else [None]:
        label = column.get("name") if isinstance(column, dict) else column
        kind = column.get("type") if isinstance(column, dict) else types.get(column) if types else ""
        if not isinstance(label, str) or not label:
            raise InputError(f"the columns of table {name!r} are no list of names", where=str(path))
        found.append(Column(label, kind if isinstance(kind, str) else ""))
    space, _, bare = name.rpartition(".")
    if space.isidentifier() and bare and (dialect != "sqlite" or space == "main"):
        return Table(bare, tuple(found), namespace="" if dialect == "sqlite" else space)
    return Table(name, tuple(found))


def _statements(text: str, path: Path, dialect: str) -> Schema:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    from ctxprune.sql.schema.schema import Schema

    try:
        trees = sqlglot.parse(text, dialect=dialect)
    except (SqlglotError, RecursionError) as error:
        raise InputError("the file is neither JSON nor CREATE TABLE statements", where=str(path)) from error
    definitions = [tree.this for tree in trees if isinstance(tree, exp.Create) and isinstance(tree.this, exp.Schema)]
    if not definitions:
        raise InputError("the file holds no CREATE TABLE statement", where=str(path))
    tables = tuple(map(_created, definitions))
    known = {table.name.casefold(): table for table in tables}
    keys = (key for tree in definitions for key in _foreign_keys(tree, known))
    return Schema(path.stem, tables, tuple(keys), dialect)


def _created(tree: Any) -> Table:
    """The table of one CREATE TABLE."""
    from sqlglot import exp

    from ctxprune.sql.schema.schema import Column, Table

    primary = {name.name for key in tree.find_all(exp.PrimaryKey) for name in key.expressions}
    columns = []
    for column in tree.expressions:
        if not isinstance(column, exp.ColumnDef):
            continue
        key = column.name in primary or column.find(exp.PrimaryKeyColumnConstraint) is not None
        kind = column.args.get("kind")
        columns.append(Column(column.name, kind.sql() if kind else "", primary_key=key))
    return Table(tree.this.name, tuple(columns), namespace=tree.this.text("db"))


def _foreign_keys(tree: Any, tables: Mapping[str, Table]) -> Iterator[ForeignKey]:
    """Those keys of one CREATE TABLE that lead to a known table."""
    from sqlglot import exp

    from ctxprune.sql.schema.schema import ForeignKey

    for reference in tree.find_all(exp.Reference):
        owner = reference.find_ancestor(exp.ForeignKey, exp.ColumnDef)
        columns = [owner.name] if isinstance(owner, exp.ColumnDef) else [name.name for name in owner.expressions]
        place = reference.find(exp.Table)
        target = tables.get(place.name.casefold()) if place is not None else None
        if target is None:
            continue
        named = [name.name for name in reference.this.expressions]
        named = named or [column.name for column in target.columns if column.primary_key]
        if len(named) == len(columns) and all(name in target for name in named):
            yield ForeignKey(tree.this.name, tuple(columns), target.name, tuple(named))
