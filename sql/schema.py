"""Database schemas as plain immutable data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from ctxprune.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["Column", "ColumnRef", "ForeignKey", "Schema", "Table"]


class ColumnRef(NamedTuple):
    """Names one column, in the spelling of its schema."""

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
    """

    table: str
    columns: tuple[str, ...]
    ref_table: str
    ref_columns: tuple[str, ...]
    inferred: bool = False


@dataclass(frozen=True)
class Table:
    """One table or view.

    `namespace` is the database schema that holds it (PostgreSQL's "public"), "" for the
    default one.
    """

    name: str
    columns: tuple[Column, ...]
    comment: str = ""
    description: str = ""
    namespace: str = ""
    is_view: bool = False
    rows: int | None = None

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
    """

    name: str
    tables: tuple[Table, ...]
    foreign_keys: tuple[ForeignKey, ...] = ()
    dialect: str = "sqlite"
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
                kept.append(replace(table, columns=cut))
        small = Schema(self.name, tuple(kept), (), self.dialect)
        keys = tuple(key for key in self.foreign_keys if _holds(small, key))
        return replace(small, foreign_keys=keys)

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (first 16 hex digits) over names, types and keys; examples and comments do not count."""
        rows = [[t.namespace, t.name, [[c.name, c.type, c.primary_key] for c in t.columns]] for t in self.tables]
        keys = [[k.table, k.columns, k.ref_table, k.ref_columns] for k in self.foreign_keys]
        text = json.dumps([self.dialect, rows, keys], ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _holds(schema: Schema, key: ForeignKey) -> bool:
    if key.table not in schema or key.ref_table not in schema:
        return False
    here, there = schema.table(key.table), schema.table(key.ref_table)
    return all(name in here for name in key.columns) and all(name in there for name in key.ref_columns)
