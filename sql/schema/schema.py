"""Database schemas as plain immutable data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ctxprune.errors import FormatError, SchemaError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["Column", "ColumnRef", "ForeignKey", "Schema", "Table"]

_FORMAT, _VERSION = "ctxprune.schema", 1


class ColumnRef(NamedTuple):
    """Names one column, in the spelling of its schema.

    Examples:
        ```python
        from ctxprune.sql import ColumnRef, Database

        with Database("shop.sqlite") as database:
            city = database.schema().tables[0]
        print(ColumnRef(city.name, city.columns[0].name))
        # ColumnRef(table='city', column='name')
        ```
    """

    table: str
    column: str


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: As stored; may hold spaces, quotes, dots or a reserved word.
        type: As declared ("VARCHAR(20)"); "" if undeclared.
        comment: The database's own comment, or a short natural name that came with the schema file.
        description: Longer documentation (BIRD's column and value descriptions).
        primary_key: Part of its table's primary key.
        nullable: False where the database forbids NULL.
        examples: A few stored values, unescaped.
    """

    name: str
    type: str = ""
    comment: str = ""
    description: str = ""
    primary_key: bool = False
    nullable: bool = True
    examples: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """`table.columns[i]` points at `ref_table.ref_columns[i]`; composite keys have several columns.

    `inferred` is True where the database does not declare it.

    Examples:
        ```python
        from ctxprune.sql import Column, ForeignKey, Schema, Table

        city = Table("city", (Column("name", "TEXT", primary_key=True),))
        customer = Table(
            "customer",
            (Column("id", "INTEGER", primary_key=True), Column("city_name", "TEXT")),
        )
        key = ForeignKey("customer", ("city_name",), "city", ("name",))
        schema = Schema("shop", (city, customer), (key,))
        print(len(schema.tables))  # 2
        ```
    """

    table: str
    columns: tuple[str, ...]
    ref_table: str
    ref_columns: tuple[str, ...]
    inferred: bool = False


@dataclass(frozen=True)
class Table:
    """One table or view of a database schema; a table with its rows, to be pruned, is `ctxprune.rag.Table`.

    `namespace` is the database schema that holds it (PostgreSQL's "public"), "" for the default one. Names tell the
    tables of a schema apart: where two namespaces have one of the same name, that outside the default namespace is
    called "namespace.name"; `bare` is its name alone.

    `complete` says that the stored table has no column besides these. Only reflection knows that; a schema written by
    hand or cut down leaves it False, and the guard then assumes that there are hidden columns. It is not stored.
    """

    name: str
    columns: tuple[Column, ...]
    comment: str = ""
    description: str = ""
    namespace: str = ""
    is_view: bool = False
    rows: int | None = None
    complete: bool = field(default=False, compare=False)

    @cached_property
    def _by_name(self) -> dict[str, Column]:
        return {column.name.casefold(): column for column in reversed(self.columns)}

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._by_name

    def column(self, name: str) -> Column:
        """The column of that name in any case.

        Raises:
            SchemaError: There is none.
        """
        try:
            return self._by_name[name.casefold()]
        except KeyError:
            known = ", ".join(column.name for column in self.columns[:20])
            raise SchemaError(f"no column {name!r}", where=self.name, hint=f"columns: {known}") from None

    @property
    def bare(self) -> str:
        """The name without its namespace, as the database stores it."""
        return self.name.removeprefix(f"{self.namespace}.") if self.namespace else self.name

    @property
    def primary_key(self) -> tuple[str, ...]:
        """Names of the primary-key columns, in column order; () if there is none."""
        return tuple(column.name for column in self.columns if column.primary_key)


@dataclass(frozen=True)
class Schema:
    """All tables of one database that a caller may see.

    Attributes:
        name: The database's name (Spider's and BIRD's db_id).
        tables: In database order.
        foreign_keys: Declared (and, where marked, inferred) references between these tables.
        dialect: sqlglot's name of the dialect: "sqlite", "postgres", "mysql", "duckdb".
        complete: The database has no table besides these. Only reflection knows that; it is not stored.

    Examples:
        ```python
        from ctxprune.sql import RENDERERS, Database, Schema


        def show(schema: Schema) -> str:
            return RENDERERS.get("compact")().render(schema)


        with Database("shop.sqlite") as database:
            print(show(database.schema()))
        ```
    """

    name: str
    tables: tuple[Table, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    dialect: str = "sqlite"
    complete: bool = field(default=False, compare=False)
    _fold: dict[str, Table] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_fold", {table.name.casefold(): table for table in reversed(self.tables)})

    def __contains__(self, name: str) -> bool:
        return name.casefold() in self._fold

    def table(self, name: str) -> Table:
        """The table of that name in any case.

        Raises:
            SchemaError: There is none.
        """
        try:
            return self._fold[name.casefold()]
        except KeyError:
            known = ", ".join(table.name for table in self.tables[:20])
            raise SchemaError(f"no table {name!r}", where=self.name, hint=f"tables: {known}") from None

    def refs(self) -> Iterator[ColumnRef]:
        """Every column, in schema order."""
        for table in self.tables:
            for column in table.columns:
                yield ColumnRef(table.name, column.name)

    @cached_property
    def names(self) -> frozenset[str]:
        """Names of tables, namespaces and columns, folded."""
        tables = (name for table in self.tables for name in (table.name, table.bare, table.namespace))
        return frozenset(name.casefold() for name in (*tables, *(ref.column for ref in self.refs())))

    @property
    def n_columns(self) -> int:
        """Number of columns over all tables."""
        return sum(len(table.columns) for table in self.tables)

    def subset(self, columns: Collection[ColumnRef], tables: Collection[str] = ()) -> Schema:
        """Only these columns, plus the named tables even where none of their columns is kept.

        Foreign keys stay where both ends stay. Order is the schema's own. Names match in any case; unknown ones are
        ignored, since a linker may name columns of a view that the caller may not see.
        """
        wanted = {(ref.table.casefold(), ref.column.casefold()) for ref in columns}
        bare = {name.casefold() for name in tables}
        kept = []
        for table in self.tables:
            fold = table.name.casefold()
            cut = tuple(column for column in table.columns if (fold, column.name.casefold()) in wanted)
            if cut or fold in bare:
                whole = table.complete and len(cut) == len(table.columns)
                kept.append(replace(table, columns=cut, complete=whole))
        small = Schema(self.name, tuple(kept), (), self.dialect, self.complete and len(kept) == len(self.tables))
        keys = tuple(key for key in self.foreign_keys if small.holds(key))
        return replace(small, foreign_keys=keys)

    def enriched(self, notes: Schema) -> Schema:
        """This schema with what a documented twin knows: comments and descriptions where this one has none, and keys.

        Foreign keys of `notes` that this schema lacks are added with `inferred=True`, since the database does not
        declare them; one that names an unknown table or column is passed over. Names match in any case.
        """
        tables = tuple(_noted(table, notes) for table in self.tables)
        known = {_folded_key(key) for key in self.foreign_keys}
        added = [self._spelled(key) for key in notes.foreign_keys if _folded_key(key) not in known and self.holds(key)]
        return replace(self, tables=tables, foreign_keys=self.foreign_keys + tuple(added))

    def _spelled(self, key: ForeignKey) -> ForeignKey:
        here, there = self.table(key.table), self.table(key.ref_table)
        columns = tuple(here.column(name).name for name in key.columns)
        return ForeignKey(here.name, columns, there.name, tuple(there.column(n).name for n in key.ref_columns), True)

    def holds(self, key: ForeignKey) -> bool:
        """Whether both ends of a key are here."""
        if key.table not in self or key.ref_table not in self:
            return False
        here, there = self.table(key.table), self.table(key.ref_table)
        return all(name in here for name in key.columns) and all(name in there for name in key.ref_columns)

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON-ready data; blobs among the examples are left out."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "name": self.name,
            "dialect": self.dialect,
            "tables": [_table_dict(table) for table in self.tables],
            "foreign_keys": [asdict(key) for key in self.foreign_keys],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Schema:
        """The inverse of `to_dict`.

        Raises:
            FormatError: The data are of another format or version, or damaged.
        """
        if not isinstance(data, Mapping):
            raise FormatError(f"a {type(data).__name__} is not a schema", where="format")
        if data.get("format") != _FORMAT or data.get("version") != _VERSION:
            raise FormatError(
                f"not a schema of format {_FORMAT} version {_VERSION}",
                where=f"format {data.get('format')!r}, version {data.get('version')!r}",
            )
        try:
            tables = tuple(
                Table(**{**entry, "columns": tuple(_column(column) for column in entry["columns"])})
                for entry in data["tables"]
            )
            keys = tuple(
                ForeignKey(**{**key, "columns": tuple(key["columns"]), "ref_columns": tuple(key["ref_columns"])})
                for key in data["foreign_keys"]
            )
            schema = cls(data["name"], tables, keys, data["dialect"])
            _check_types(schema)
            return schema
        except (KeyError, TypeError, AttributeError) as error:
            raise FormatError(f"the schema data are damaged ({error!r})", where=str(data.get("name", ""))) from error

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (first 16 hex digits) over names, types and keys; examples and comments do not count."""
        rows = [[t.namespace, t.name, [[c.name, c.type, c.primary_key] for c in t.columns]] for t in self.tables]
        keys = [[k.table, k.columns, k.ref_table, k.ref_columns] for k in self.foreign_keys]
        text = json.dumps([self.dialect, rows, keys], ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _folded_key(key: ForeignKey) -> tuple[str, frozenset[tuple[str, str]], str]:
    pairs = zip(map(str.casefold, key.columns), map(str.casefold, key.ref_columns), strict=False)
    return key.table.casefold(), frozenset(pairs), key.ref_table.casefold()


def _noted(table: Table, notes: Schema) -> Table:
    if table.name not in notes:
        return table
    twin = notes.table(table.name)
    columns = []
    for column in table.columns:
        note = twin.column(column.name) if column.name in twin else column
        columns.append(
            replace(
                column,
                comment=column.comment or note.comment,
                description=column.description or note.description,
                examples=column.examples or note.examples,
            )
        )
    return replace(
        table,
        columns=tuple(columns),
        comment=table.comment or twin.comment,
        description=table.description or twin.description,
    )


def _check_types(schema: Schema) -> None:
    """Raises TypeError where a field holds another type than it declares, which a file may say anything of."""
    _check_fields(schema, text=("name", "dialect"))
    for table in schema.tables:
        _check_fields(table, text=("name", "comment", "description", "namespace"), flags=("is_view",))
        if table.rows is not None and (not isinstance(table.rows, int) or isinstance(table.rows, bool)):
            raise TypeError(f"rows is {table.rows!r}")
        for column in table.columns:
            _check_fields(column, text=("name", "type", "comment", "description"), flags=("primary_key", "nullable"))
    for key in schema.foreign_keys:
        _check_fields(key, text=("table", "ref_table"), flags=("inferred",))
        names = key.columns + key.ref_columns
        if len(key.columns) != len(key.ref_columns) or not all(isinstance(name, str) for name in names):
            raise TypeError(f"the columns of a foreign key are {names!r}")


def _check_fields(part: object, *, text: tuple[str, ...], flags: tuple[str, ...] = ()) -> None:
    for names, kind in ((text, str), (flags, bool)):
        for name in names:
            if not isinstance(value := getattr(part, name), kind):  # fields by name, from the table above
                raise TypeError(f"{name} is {value!r}")


def _table_dict(table: Table) -> dict[str, Any]:
    columns = [
        {
            "name": column.name,
            "type": column.type,
            "comment": column.comment,
            "description": column.description,
            "primary_key": column.primary_key,
            "nullable": column.nullable,
            "examples": [value for value in column.examples if not isinstance(value, bytes)],
        }
        for column in table.columns
    ]
    return {
        "name": table.name,
        "comment": table.comment,
        "description": table.description,
        "namespace": table.namespace,
        "is_view": table.is_view,
        "rows": table.rows,
        "columns": columns,
    }


def _column(entry: Mapping[str, Any]) -> Column:
    return Column(**{**entry, "examples": tuple(entry["examples"])})
